"""The page in a real browser."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pytest
from selenium.webdriver import Keys
from selenium.webdriver.support.select import Select

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Browser, Tables

TODAY = datetime.now(UTC).date()
OTHER = "0a0a0a0a-0000-4000-8000-000000000002"
VIEWS = [
    (width, scheme, language)
    for width in (390, 1440)
    for scheme in ("light", "dark")
    for language in ("en", "ja")
]
# Means as healthhub.daily_overview defines them, of the days of one metric.
BASELINES = """
    select
        day,
        case when count(sleep_score) over w7 >= 3
            then avg(sleep_score) over w7 end as mean7,
        case when count(sleep_score) over w28 >= 14
            then avg(sleep_score) over w28 end as mean28,
        case when count(sleep_score) over w28 >= 14
            then avg(sleep_score) over w28 - stddev_samp(sleep_score) over w28
            end as low
    from healthhub.daily_overview
    window
        w7 as (order by day range between '7 days' preceding and '1 day' preceding),
        w28 as (order by day range between '28 days' preceding and '1 day' preceding)
"""


@pytest.mark.parametrize(("width", "scheme", "language"), VIEWS)
def test_a_view(
    chromium: Browser, wearer: Path, width: int, scheme: str, language: str
) -> None:
    chromium.open(wearer, width=width, scheme=scheme, language=language)
    assert chromium.run("return document.documentElement.lang") == language
    assert chromium.fits()
    serious = [
        (violation["id"], [node["html"] for node in violation["nodes"]])
        for violation in axe(chromium)
        if violation["impact"] in {"serious", "critical"}
    ]
    assert serious == []
    assert chromium.console() == []
    assert set(chromium.requests()) == {wearer.as_uri()}


def axe(chromium: Browser) -> list[dict[str, Any]]:
    """What an accessibility checker finds."""
    chromium.run(files("axe_core_python").joinpath("axe.min.js").read_text("utf-8"))
    found: list[dict[str, Any]] = chromium.driver.execute_async_script(
        "const done = arguments[0]; axe.run().then((r) => done(r.violations));"
    )
    return found


def test_on_paper_it_is_light_and_without_controls(
    chromium: Browser, wearer: Path
) -> None:
    chromium.open(wearer, scheme="dark", medium="print")
    colour = "return getComputedStyle(document.querySelector(arguments[0])).color"
    assert chromium.run(colour, "h1") == "rgb(29, 37, 41)"
    for selector in (".bar", ".controls", ".behind", ".days"):
        assert not chromium.find(selector).is_displayed()
    assert chromium.find("#trends svg").is_displayed()


def test_every_chart_has_words_and_a_table_behind_it(
    chromium: Browser, wearer: Path
) -> None:
    chromium.open(wearer)
    chromium.open_tables()
    panels = chromium.run(
        "return [...document.querySelectorAll('section')].map((e) => e.id)"
    )
    assert len(panels) == 12
    for name in panels:
        assert len(chromium.text(f"#{name} .summary")) > 20
        rows = chromium.text(f"#{name} table").splitlines()
        assert len(rows) >= 2, name


def test_the_range_by_click_and_by_key(chromium: Browser, wearer: Path) -> None:
    chromium.open(wearer)
    before = chromium.text("#trends .summary")
    chromium.find("input[name=range][value='30']").click()
    month = chromium.text("#trends .summary")
    assert month != before
    chromium.find("input[name=range][value='30']").send_keys(Keys.ARROW_RIGHT)
    assert chromium.text("#trends .summary") == before
    for _ in range(2):
        chromium.driver.switch_to.active_element.send_keys(Keys.ARROW_RIGHT)
    assert "396" in chromium.text("#trends .summary")  # 400 days, four of them lost


def test_the_figures_by_click_and_by_key(chromium: Browser, wearer: Path) -> None:
    chromium.open(wearer)
    Select(chromium.find("#trend")).select_by_value("average_hrv")
    assert chromium.text("#trends .summary").startswith("HRV")
    chromium.find("#trend").send_keys("Steps")
    assert chromium.text("#trends .summary").startswith("Steps")
    Select(chromium.find("#calendar")).select_by_value("temperature_deviation")
    assert "Temperature" in chromium.text("#year .summary")
    Select(chromium.find("#x")).select_by_value("average_hrv")
    Select(chromium.find("#y")).select_by_value("lowest_heart_rate")
    said = chromium.text("#relation .summary")
    assert "HRV and Resting heart rate, on the same day: r = \N{MINUS SIGN}0.99" in said
    assert "A strong relation: one falls as the other rises." in said
    chromium.find("input[name=lag][value='0']").send_keys(Keys.ARROW_RIGHT)
    assert "on the next day" in chromium.text("#relation .summary")


def test_the_language_by_key_keeps_the_place(chromium: Browser, wearer: Path) -> None:
    chromium.open(wearer)
    Select(chromium.find("#trend")).select_by_value("steps")
    chromium.find("input[name=language][value=en]").send_keys(Keys.ARROW_RIGHT)
    assert chromium.text("#trends h2") == "推移"
    assert "までの歩数は" in chromium.text("#trends .summary")
    assert chromium.driver.switch_to.active_element.get_attribute("value") == "ja"
    chromium.driver.switch_to.active_element.send_keys(Keys.ARROW_LEFT)
    assert chromium.text("#trends h2") == "Trends"


def test_both_languages_say_everything(chromium: Browser, wearer: Path) -> None:
    chromium.open(wearer)
    missing = "return document.body.innerText.match(/undefined|NaN|null|\\[object/g)"
    for language in ("ja", "en"):
        chromium.find(f"input[name=language][value={language}]").click()
        chromium.open_tables()
        assert chromium.run(missing) is None


def test_both_languages_have_the_same_words(chromium: Browser, wearer: Path) -> None:
    chromium.open(wearer)
    words = files("healthhub_report").joinpath("page/script/words.js")
    english, japanese = chromium.run(
        words.read_text("utf-8")
        + """
        const names = (words, path) => Object.entries(words).flatMap(([name, value]) =>
          typeof value === "object" && !Array.isArray(value)
            ? names(value, `${path}${name}.`) : [path + name]);
        return [WORDS.en, WORDS.ja].map((words) =>
          names({ ...words, tagNames: {}, activities: {} }, "").sort());
        """
    )
    assert english == japanese
    assert len(english) > 100


def test_a_chart_is_read_with_the_keys(chromium: Browser, wearer: Path) -> None:
    chromium.open(wearer)
    chart = chromium.find("#trends [role=slider]")
    chart.send_keys(Keys.ARROW_LEFT)
    first = chart.get_attribute("aria-valuetext")
    chart.send_keys(Keys.ARROW_LEFT)
    second = chart.get_attribute("aria-valuetext")
    assert first != second
    assert "7-day mean" in chromium.text("#trends .readout")
    chart.send_keys(Keys.ESCAPE)
    assert not chromium.find("#trends .readout").is_displayed()


@pytest.mark.parametrize(
    "panel", ["trends", "nights", "heart", "stress", "workouts", "rhythm", "year"]
)
def test_a_chart_tells_its_values_under_the_pointer(
    chromium: Browser, wearer: Path, panel: str
) -> None:
    chromium.open(wearer)
    chromium.run(
        """
        const chart = document.querySelector(`#${arguments[0]} [role=slider] svg`);
        const box = chart.getBoundingClientRect();
        chart.dispatchEvent(new PointerEvent("pointermove", {
          bubbles: true,
          clientX: box.left + box.width * 0.4,
          clientY: box.top + box.height * 0.3,
        }));
        """,
        panel,
    )
    assert len(chromium.text(f"#{panel} .readout").splitlines()) > 1


def test_another_night(chromium: Browser, wearer: Path) -> None:
    chromium.open(wearer)
    last = chromium.text("#nights .summary")
    assert "Deep 1 h 23 min" in last
    chromium.find("input[name=night]:checked").send_keys(Keys.ARROW_LEFT)
    assert chromium.text("#nights .summary") != last


def test_the_heart_through_a_day(chromium: Browser, wearer: Path) -> None:
    chromium.open(wearer)
    said = chromium.text("#heart .summary")
    assert "lowest 50 bpm at 00:00, highest 140 bpm at 18:10" in said
    assert "Measured during 23 h." in said
    assert "Cross country skiing, 18:10, 40 min" in said
    chart = chromium.find("#heart [role=slider]")
    chart.send_keys(Keys.HOME)
    assert chart.get_attribute("aria-valuetext") == "00:00, 50 bpm, Asleep"


def test_what_a_score_is_made_of(chromium: Browser, wearer: Path) -> None:
    chromium.open(wearer)
    assert "Highest part: Efficiency, 95. Lowest: Timing, 61." in chromium.text(
        "#contributors .summary"
    )
    assert "61 · usually 90" in chromium.text("#contributors .rows")
    day = str(TODAY - timedelta(1))
    Select(chromium.find("#score-day")).select_by_value(day)
    assert "Lowest: Timing, 90." in chromium.text("#contributors .summary")
    chromium.find("input[name=score]:checked").send_keys(Keys.ARROW_RIGHT)
    assert chromium.text("#contributors .summary") == (
        "There is no data of this kind (Readiness)."
    )
    chosen = chromium.driver.switch_to.active_element
    assert chosen.get_attribute("value") == "readiness_score"


def test_workouts_and_stress_follow_the_range(chromium: Browser, wearer: Path) -> None:
    chromium.open(wearer)
    assert "1 workout on 1 day, 40 min in all" in chromium.text("#workouts .summary")
    assert "40 min · 7.3 km" in chromium.text("#workouts .rows")
    assert "512" in chromium.text("#workouts table")
    stress = "days with data, 1 h 30 min of high stress a day."
    assert f"On 86 {stress}" in chromium.text("#stress .summary")
    chromium.find("input[name=range][value='0']").click()
    assert f"On 396 {stress}" in chromium.text("#stress .summary")


def test_what_is_not_shared_is_said_where_it_is_missed(
    chromium: Browser, tables: Tables, tmp_path: Path
) -> None:
    tables.overview(TODAY, sleep_score=70)
    for stream, outcome in (
        ("heartrate", "missing_scope"),
        ("workout", "membership_lapsed"),
    ):
        tables.insert(
            "raw_oura.sync_windows",
            stream=stream,
            outcome=outcome,
            synced_at=datetime.now(UTC),
        )
    path = tables.report(tmp_path)
    chromium.open(path)
    for panel, said in {
        "heart": "(Heart rate): not shared: it was not allowed at login.",
        "workouts": "(Workouts): the Oura membership has lapsed.",
        "stress": "(Stress).",
        "contributors": "(Sleep score).",
    }.items():
        assert chromium.text(f"#{panel} .summary") == (
            f"There is no data of this kind {said}"
        )
    assert chromium.console() == []
    chromium.open(path, language="ja")
    assert "「ストレス」のデータがありません。" in chromium.text("#stress")


LABELS_THAT_TOUCH = """
    const touching = [];
    for (const drawing of document.querySelectorAll("section svg")) {
      const page = drawing.closest("section").getBoundingClientRect();
      const labels = [...drawing.querySelectorAll("text")]
        .map((label) => [label.textContent, label.getBoundingClientRect()]);
      labels.forEach(([text, box], n) => {
        if (box.left < page.left || box.right > page.right) touching.push([text]);
        for (const [other, its] of labels.slice(n + 1)) {
          if (box.left < its.right - 1 && its.left < box.right - 1
            && box.top < its.bottom - 3 && its.top < box.bottom - 3) {
            touching.push([text, other]);
          }
        }
      });
    }
    return touching;
"""


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("days", [30, 0])
def test_labels_touch_at_no_width(
    chromium: Browser, wearer: Path, language: str, days: int
) -> None:
    chromium.open(wearer, language=language)
    chromium.find(f"input[name=range][value='{days}']").click()
    for figure in ("resilience_level", "total_sleep_duration"):
        for picker in ("trend", "x", "y"):
            Select(chromium.find(f"#{picker}")).select_by_value(figure)
        for width in (320, 360, 480, 700, 900, 1200):
            chromium.resize(width)
            assert chromium.run(LABELS_THAT_TOUCH) == [], (figure, width)
            assert chromium.fits()


def test_with_no_tag_to_judge_nothing_is_said_of_differences(
    chromium: Browser, tables: Tables, tmp_path: Path
) -> None:
    tables.overview(TODAY, average_hrv=50)
    for tag, verdict in (("a", "too few occasions"), ("b", "nothing to compare")):
        tables.insert(
            "healthhub.tag_effects",
            tag=tag,
            figure="average_hrv",
            n_occasions=0,
            n_with=0,
            n_without=0,
            verdict=verdict,
        )
    chromium.open(tables.report(tmp_path))
    assert chromium.text("#tags .summary").startswith("No tag has the 8 occasions")
    assert "no nights without it" in chromium.text("#tags .rows")


def test_a_tag_with_few_occasions_says_nothing(chromium: Browser, wearer: Path) -> None:
    chromium.open(wearer)
    rows = chromium.text("#tags .rows").replace("\N{MINUS SIGN}", "-")
    assert "-6.5 ms (-8.5 to -4.5), 20 occasions" in rows
    assert "3 occasions: too few to say (8 needed)" in rows
    assert "Sauna" not in chromium.text("#tags .summary")


def test_what_is_missing_and_why(chromium: Browser, wearer: Path) -> None:
    chromium.open(wearer)
    said = chromium.text("#coverage")
    assert "not shared: “spo2” was not allowed at login" in said
    assert "1 gap in the data" in said
    assert "score 80 → 84" in said


def test_the_means_are_those_of_the_overview(
    chromium: Browser, tables: Tables, tmp_path: Path
) -> None:
    for n in range(60):
        if n % 11 and not 20 < n < 35:  # single days and two weeks are missing
            score = 70 + (n * 37) % 25
            tables.overview(TODAY - timedelta(n), sleep_score=score)
    chromium.open(tables.report(tmp_path))
    rows = saved(chromium, "#trends .behind button")
    shown = {row["Day"]: row for row in rows}
    expected = tables.connection.execute(BASELINES.encode()).fetchall()
    assert len(shown) == len(expected)
    for day, *means in expected:
        row = shown[str(day)]
        columns = ("7-day mean", "28-day mean", "Normal from")
        for value, column in zip(means, columns, strict=True):
            if value is None:
                assert row[column] == ""
            else:
                assert float(row[column]) == pytest.approx(float(value), abs=0.001)


def saved(chromium: Browser, button: str) -> list[dict[str, str]]:
    """The rows of the file that a button saves."""
    text = chromium.driver.execute_async_script(
        """
        const done = arguments[1];
        const create = URL.createObjectURL;
        URL.createObjectURL = (blob) => {
          blob.text().then(done);
          URL.createObjectURL = create;
          return create(blob);
        };
        HTMLAnchorElement.prototype.click = () => {};
        document.querySelector(arguments[0]).click();
        """,
        button,
    )
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))


def test_one_day(chromium: Browser, tables: Tables, tmp_path: Path) -> None:
    tables.overview(TODAY, sleep_score=77, average_hrv=41)
    chromium.open(tables.report(tmp_path), width=390)
    assert "77" in chromium.text("#today .cards")
    assert "no normal yet: 0 of 14 days" in chromium.text("#today .cards")
    assert "No data" in chromium.text("#today .cards")
    assert "too few to say anything" in chromium.text("#relation .summary")
    assert chromium.console() == []
    assert chromium.fits()


def test_no_data_since(chromium: Browser, tables: Tables, tmp_path: Path) -> None:
    for n in range(100, 160):
        tables.overview(TODAY - timedelta(n), sleep_score=70 + n % 9)
    tables.overview(TODAY, average_hrv=50)
    chromium.open(tables.report(tmp_path))
    assert "No data since" in chromium.text("#today .cards")
    assert "There is no data in this period" in chromium.text("#trends .summary")
    chromium.find("input[name=range][value='0']").click()
    assert "60 days" in chromium.text("#trends .summary")
    assert chromium.console() == []


def test_nothing_at_all(chromium: Browser, tables: Tables, tmp_path: Path) -> None:
    tables.insert(
        "healthhub.requested_days", day=TODAY, stream="sleep", status="refused"
    )
    tables.insert(
        "raw_oura.sync_windows",
        stream="sleep",
        outcome="membership_lapsed",
        synced_at=datetime.now(UTC),
    )
    chromium.open(tables.report(tmp_path))
    assert "Nothing was loaded for this user yet." in chromium.text("header")
    assert "the Oura membership has lapsed" in chromium.text("#coverage")
    assert chromium.console() == []


def test_several_users(chromium: Browser, tables: Tables, tmp_path: Path) -> None:
    tables.overview(TODAY, sleep_score=71)
    tables.overview(TODAY - timedelta(30), sleep_score=93, user_id=OTHER)
    chromium.open(tables.report(tmp_path))
    assert "No data since" in chromium.text("#users")
    assert axe(chromium) == []
    chromium.find("#users a").click()
    assert "71" in chromium.text("#today")
    chromium.find("header a").click()
    assert chromium.text("#users h2") == "Users"
    assert chromium.console() == []


def test_a_name_is_only_ever_text(
    chromium: Browser, tables: Tables, tmp_path: Path
) -> None:
    name = "</script><img src=x onerror=alert(1)><b>"
    tables.insert("healthhub.users", oura_pat_alias=name)
    tables.overview(TODAY, sleep_score=71)
    chromium.open(tables.report(tmp_path))
    assert name in chromium.text("h1")
    assert chromium.console() == []


def test_a_ring_that_was_put_away_shows_its_last_days(
    chromium: Browser, tables: Tables, tmp_path: Path
) -> None:
    """Of a user without tags, and without the routes that are shown first."""
    last = TODAY - timedelta(700)
    for n in range(40):
        tables.overview(
            last - timedelta(n),
            average_hrv=40 + n % 5,
            total_sleep_duration=25000 + 100 * n,
            bedtime_start_local=last - timedelta(n),
            bedtime_end_local=last - timedelta(n),
        )
    tables.overview(TODAY, tags=["tag_generic_sauna"])
    chromium.open(tables.report(tmp_path))
    assert str(last.year) in chromium.text(".warning")
    assert chromium.text("#today h2").startswith("The last days with data")
    cards = chromium.text("#today .cards")
    assert "40 ms" in cards
    assert str(last.year) in cards
    assert f"{last.day} {last:%b}" in chromium.text("#today .summary")
    for panel in ("trends", "rhythm", "year", "relation"):
        assert chromium.find(f"#{panel} svg").is_displayed()
    assert chromium.run("return document.querySelector('#year-choice').value") == str(
        last.year
    )
    assert "no data" not in chromium.text("#trends").lower()
    assert chromium.text("#tags .summary") == "There is no tag with a night after it."
    assert chromium.console() == []


def test_data_of_the_sandbox_are_called_synthetic(
    chromium: Browser, tables: Tables, tmp_path: Path
) -> None:
    tables.overview(TODAY, sleep_score=70)
    tables.insert("healthhub.personal_info", email="wearer-1@example.org")
    path = tables.report(tmp_path)
    chromium.open(path)
    assert "Synthetic data" in chromium.text("header")
    chromium.open(path, language="ja")
    assert "合成データ" in chromium.text("header")
    tables.overview(TODAY, sleep_score=70, user_id=OTHER)
    chromium.open(tables.report(tmp_path))
    assert chromium.text("#users").count("synthetic data") == 1


def test_a_card_names_its_day(chromium: Browser, wearer: Path) -> None:
    chromium.open(wearer)
    assert f"today, {TODAY.day} {TODAY:%b}" in chromium.text("#today .cards")


def test_it_speaks_what_was_asked_for_or_what_the_browser_prefers(
    chromium: Browser, tables: Tables, tmp_path: Path
) -> None:
    tables.overview(TODAY, sleep_score=70)
    for asked, preferred, shown in (
        (None, "ja-JP", "ja"),
        (None, "fr-FR", "en"),
        ("en", "ja-JP", "en"),
        (None, "en-US", "en"),
    ):
        chromium.prefer(preferred)
        chromium.open(tables.report(tmp_path, language=asked))
        assert chromium.run("return document.documentElement.lang") == shown
