"""A real PostgreSQL with hand-made tables, and a real browser."""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
import yaml
from psycopg import sql
from psycopg.types.json import Jsonb
from selenium import webdriver
from selenium.webdriver.support.wait import WebDriverWait

from healthhub.embedded import EmbeddedPostgres
from healthhub_report.report import write_report

if TYPE_CHECKING:
    from collections.abc import Iterator

    from selenium.webdriver.remote.webelement import WebElement

CONTRACTS = Path(__file__).parents[2] / "transform/models/healthhub"
USER = "0a0a0a0a-0000-4000-8000-000000000001"
TODAY = datetime.now(UTC).date()

# Tables that no model makes.
_OTHER_TABLES = """
    create schema raw_oura;
    create table raw_oura.sync_windows (
        user_id uuid, stream text, outcome text, detail text, synced_at timestamp
    );
    create table healthhub.users (
        user_id uuid, oura_pat_alias text, timezone text default 'UTC'
    );
"""
_EMPTY = """
    do $$ declare name regclass; begin
        for name in
            select oid from pg_class
            where relnamespace in ('healthhub'::regnamespace, 'raw_oura'::regnamespace)
        loop
            execute 'delete from ' || name;
        end loop;
    end $$
"""


@dataclass
class Tables:
    """The tables that the report reads, for a test to fill."""

    url: str
    connection: psycopg.Connection[Any]

    def insert(self, table: str, **row: object) -> None:
        """Insert a row; what is not named is NULL, and user_id is USER."""
        row = {"user_id": USER, **row}
        values = [
            Jsonb(item) if isinstance(item, dict) else item for item in row.values()
        ]
        self.connection.execute(
            sql.SQL("insert into {} ({}) values ({})").format(
                sql.Identifier(*table.split(".")),
                sql.SQL(", ").join(map(sql.Identifier, row)),
                sql.SQL(", ").join(sql.Placeholder() * len(row)),
            ),
            values,
        )

    def overview(self, day: date, **row: object) -> None:
        """Insert a day."""
        self.insert("healthhub.daily_overview", day=day, **row)

    def report(self, folder: Path, **options: Any) -> Path:  # noqa: ANN401 (as write_report)
        """Write the report."""
        return write_report(self.url, folder / "report.html", **options)

    def data(self, folder: Path, **options: Any) -> dict[str, Any]:  # noqa: ANN401
        """Write the report and return what is embedded in it."""
        return self.embedded(self.report(folder, **options))

    @staticmethod
    def embedded(page: Path) -> dict[str, Any]:
        """The data that a page carries."""
        text = page.read_text("utf-8")
        start = text.index('id="data">') + len('id="data">')
        data: dict[str, Any] = json.loads(text[start : text.index("</script>", start)])
        return data


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The URL of an embedded PostgreSQL that has a database with empty tables."""
    home = Path(tempfile.mkdtemp(prefix="healthhub-report-"))
    home.chmod(0o755)
    try:
        with EmbeddedPostgres(home).using() as lease:
            with psycopg.connect(lease.database.url, autocommit=True) as connection:
                connection.execute("create database empty_tables")
            with psycopg.connect(
                _url(lease.database.url, "empty_tables"), autocommit=True
            ) as connection:
                _create_tables(connection)
            yield lease.database.url
    finally:
        shutil.rmtree(home)


@pytest.fixture(scope="module")
def shared_tables(server: str) -> Iterator[Tables]:
    """Tables that are empty at first."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("drop database if exists report")
        connection.execute("create database report template empty_tables")
    url = _url(server, "report")
    with psycopg.connect(url, autocommit=True) as connection:
        yield Tables(url, connection)


@pytest.fixture
def tables(shared_tables: Tables) -> Tables:
    """Empty tables, faster than by making them."""
    shared_tables.connection.execute(_EMPTY.encode())
    return shared_tables


@pytest.fixture(scope="session")
def wearer(server: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of somebody with 400 days of everything, and gaps."""
    folder = tmp_path_factory.mktemp("wearer")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("create database wearer template empty_tables")
    url = _url(server, "wearer")
    with psycopg.connect(url, autocommit=True) as connection:
        _fill(Tables(url, connection))
    return write_report(url, folder / "report.html")


def _url(server: str, name: str) -> str:
    """The URL of another database of the same server."""
    return urlunsplit(urlsplit(server)._replace(path=f"/{name}"))


def _create_tables(connection: psycopg.Connection[Any]) -> None:
    """Every model of the transform as a table, with the columns of its contract."""
    connection.execute("create schema healthhub")
    for path in CONTRACTS.glob("*/_*.yml"):
        for model in yaml.safe_load(path.read_text("utf-8")).get("models", []):
            columns = [
                sql.SQL("{} {}").format(
                    sql.Identifier(column["name"]), sql.SQL(column["data_type"])
                )
                for column in model["columns"]
                if "data_type" in column
            ]
            connection.execute(
                sql.SQL("create table {} ({})").format(
                    sql.Identifier("healthhub", model["name"]),
                    sql.SQL(", ").join(columns),
                )
            )
    connection.execute(_OTHER_TABLES.encode())


_NIGHT = "0b0b0b0b-0000-4000-8000-%012d"
_DAYS = """
    insert into healthhub.daily_overview (
        user_id, day, sleep_score, readiness_score, activity_score, main_sleep_id,
        bedtime_start_local, bedtime_end, bedtime_end_local, total_sleep_duration,
        deep_sleep_duration, light_sleep_duration, rem_sleep_duration, awake_time,
        average_hrv, lowest_heart_rate, temperature_deviation, steps, nap_count,
        resilience_level, stress_high
    )
    select
        %(user)s,
        day,
        75 + 10 * sin(n) + n %% 3,
        78 + 8 * sin(n * 0.7),
        80 + 6 * cos(n),
        cast('0b0b0b0b-0000-4000-8000-' || lpad(cast(n as text), 12, '0') as uuid),
        day - interval '1 hour' + make_interval(mins => cast(30 * sin(n) as int)),
        day + interval '7 hours',
        day + interval '7 hours' + make_interval(mins => cast(40 * cos(n) as int)),
        26000 + 3000 * sin(n),
        5000, 14000, 7000, 1800,
        45 + 9 * sin(n * 0.7),
        50 - 4 * sin(n * 0.7),
        0.3 * sin(n),
        9000 + 3000 * cos(n),
        0,
        'solid',
        5400
    from generate_series(0, 399) as n
    cross join lateral (select cast(%(today)s as date) - n as day) as days
    where n not between 40 and 43
"""


def _fill(tables: Tables) -> None:
    """Somebody with 400 days, the last of them today."""
    tables.connection.execute(_DAYS, {"user": USER, "today": TODAY})
    tables.insert("healthhub.users", oura_pat_alias="hanako", timezone="UTC")
    for n in range(3):
        _fill_night(tables, _NIGHT % n, TODAY - timedelta(n))
    _fill_day(tables)
    for tag, difference in (("tag_generic_alcohol", -6.5), ("Evening walk", 1.5)):
        for figure in ("average_hrv", "sleep_score"):
            tables.insert(
                "healthhub.tag_effects",
                tag=tag,
                figure=figure,
                n_occasions=20,
                n_with=26,
                n_without=300,
                mean_without=45,
                difference=difference,
                difference_from=difference - 2,
                difference_to=difference + 2,
                verdict="lower" if difference < 0 else "no clear difference",
            )
    tables.insert(
        "healthhub.tag_effects",
        tag="tag_generic_sauna",
        figure="average_hrv",
        n_occasions=3,
        n_with=3,
        n_without=24,
        verdict="too few occasions",
    )
    tables.connection.execute(
        """
        insert into healthhub.coverage (user_id, stream, day, status)
        select %(user)s, stream, cast(%(today)s as date) - n,
            case when n between 40 and 43 then 'empty' else 'present' end
        from generate_series(0, 399) as n
        cross join unnest(array['sleep', 'daily_sleep', 'workout']) as stream
        """,
        {"user": USER, "today": TODAY},
    )
    tables.insert(
        "raw_oura.sync_windows",
        stream="daily_spo2",
        outcome="missing_scope",
        detail="spo2",
        synced_at=datetime.now(UTC),
    )
    for revision, score in ((1, 80), (2, 84)):
        tables.insert(
            "healthhub.document_revisions",
            stream="daily_sleep",
            document_id=_NIGHT % 1,
            revision=revision,
            day=TODAY - timedelta(1),
            content={"score": score, "contributors": {"timing": 90}},
            first_seen_at=datetime.now(UTC),
        )


def _fill_day(tables: Tables) -> None:
    """Yesterday, measured through the day but for an hour, with a run in it."""
    day = TODAY - timedelta(1)
    midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001 (local)
    tables.insert("healthhub.heart_rate_days", day=day)
    for hour in (*range(12), *range(13, 24)):
        for minute in range(0, 60, 5):
            running = hour == 18 and 10 <= minute < 50
            tables.insert(
                "healthhub.heart_rate",
                day=day,
                timestamp_local=midnight.replace(hour=hour, minute=minute),
                bpm=140 if running else 50 if hour < 7 else 70,
                source="workout" if running else "sleep" if hour < 7 else "awake",
            )
    tables.insert(
        "healthhub.workouts",
        day=day,
        activity="crossCountrySkiing",
        intensity="hard",
        start_datetime=(midnight + timedelta(hours=18, minutes=10)).replace(tzinfo=UTC),
        start_datetime_local=midnight + timedelta(hours=18, minutes=10),
        end_datetime=(midnight + timedelta(hours=18, minutes=50)).replace(tzinfo=UTC),
        calories=512,
        distance=7300,
    )
    for n in range(20):
        tables.insert(
            "healthhub.daily_sleep_summaries",
            day=TODAY - timedelta(n),
            contributors_timing=61 if n == 0 else 90,
            contributors_efficiency=95,
        )


def _fill_night(tables: Tables, document: str, day: date) -> None:
    """Eight hours in bed, sampled every five minutes."""
    began = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=1)
    tables.insert(
        "healthhub.sleep_periods",
        document_id=document,
        sleep_phase_5_min="".join("4221132"[n // 14] for n in range(96)),
    )
    with tables.connection.cursor() as cursor:
        cursor.executemany(
            """
            insert into healthhub.sleep_samples (
                user_id, document_id, series, sample, timestamp, timestamp_local, value
            )
            values (%s, %s, %s, %s, %s, %s, %s)
            """,
            [
                (
                    USER,
                    document,
                    series,
                    n,
                    began + timedelta(minutes=5 * n),
                    (began + timedelta(minutes=5 * n)).replace(tzinfo=None),
                    value + n % 7 if n % 10 else None,
                )
                for series, value in (("heart_rate", 50), ("hrv", 40))
                for n in range(96)
            ],
        )


@dataclass
class Browser:
    """Chromium, and what it says about a page."""

    driver: webdriver.Chrome

    def open(
        self,
        page: Path,
        *,
        width: int = 1440,
        scheme: str = "light",
        medium: str = "screen",
        language: str | None = None,
    ) -> None:
        """Open a page in a window of that width, in a colour scheme and language."""
        media = {
            "media": medium,
            "features": [
                {"name": "prefers-color-scheme", "value": scheme},
                # A click waits for no scrolling.
                {"name": "prefers-reduced-motion", "value": "reduce"},
            ],
        }
        self._devtools("Emulation.setDeviceMetricsOverride", _window(width))
        self._devtools("Emulation.setEmulatedMedia", media)
        self.console()
        self.requests()
        self.driver.get(page.as_uri())
        if language:
            self.find(f"input[name=language][value={language}]").click()

    def resize(self, width: int) -> None:
        """Change the window's width, and wait for the page to be drawn again."""
        self._devtools("Emulation.setDeviceMetricsOverride", _window(width))
        self.driver.execute_async_script(
            """
            const done = arguments[0];
            requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done)));
            """
        )

    def prefer(self, language: str) -> None:
        """Prefer a language from the next page on."""
        agent = self.run("return navigator.userAgent")
        self._devtools(
            "Emulation.setUserAgentOverride",
            {"userAgent": agent, "acceptLanguage": language},
        )

    def find(self, selector: str) -> WebElement:
        """The element of a CSS selector."""
        return self.driver.find_element("css selector", selector)

    def text(self, selector: str) -> str:
        """What a person reads there."""
        return self.find(selector).text

    def run(self, script: str, *arguments: object) -> Any:  # noqa: ANN401 (JavaScript's)
        """Run a script in the page."""
        return self.driver.execute_script(script, *arguments)

    def fits(self) -> bool:
        """Whether the page is no wider than its window."""
        root = "document.documentElement"
        return bool(self.run(f"return {root}.scrollWidth <= {root}.clientWidth"))

    def open_tables(self) -> None:
        """Open what is behind the charts."""
        for summary in self.driver.find_elements("css selector", "details summary"):
            summary.click()
        tables = "[...document.querySelectorAll('details')].map((e) => e.children[1])"
        WebDriverWait(self.driver, 10).until(
            lambda _: self.run(f"return {tables}.every(Boolean)")
        )

    def console(self) -> list[str]:
        """What the console has said since the last time."""
        return [entry["message"] for entry in self.driver.get_log("browser")]  # type: ignore[no-untyped-call]

    def requests(self) -> list[str]:
        """What has been requested since the last time."""
        entries = self.driver.get_log("performance")  # type: ignore[no-untyped-call]
        messages = [json.loads(entry["message"])["message"] for entry in entries]
        return [
            message["params"]["request"]["url"]
            for message in messages
            if message["method"] == "Network.requestWillBeSent"
        ]

    def _devtools(self, command: str, parameters: dict[str, Any]) -> None:
        self.driver.execute_cdp_cmd(command, parameters)


def _window(width: int) -> dict[str, Any]:
    """A window of that width, which is a phone's if it is narrow."""
    return {
        "width": width,
        "height": 900,
        "deviceScaleFactor": 1,
        "mobile": width < 500,
    }


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Chromium, started once."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    driver = shutil.which("chromedriver")
    if not browser:
        pytest.skip("Chromium is missing: apt install chromium")
    if not driver:
        pytest.skip("Chromium's driver is missing: apt install chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for argument in (
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--no-default-browser-check",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        f"--user-data-dir={tmp_path_factory.mktemp('chromium')}",
    ):
        options.add_argument(argument)
    options.set_capability(
        "goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"}
    )
    chrome = webdriver.Chrome(
        options=options, service=webdriver.ChromeService(executable_path=driver)
    )
    try:
        # Its first page goes on loading beside the first test's.
        chrome.get("about:blank")
        yield Browser(chrome)
    finally:
        chrome.quit()
