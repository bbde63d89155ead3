"""What the page of one user is made of, as JSON-ready values.

Long series are strings: values of consecutive days between commas, and coverage as
runs of letters. That halves the file, and the page takes them apart in milliseconds.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby, pairwise
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from healthhub_report.metrics import CONTRIBUTORS, LEVELS, METRICS, TODAY
from healthhub_report.queries import DAYS, GAPS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from decimal import Decimal
    from uuid import UUID

    from healthhub_report.queries import Questions, Row

_LONGEST_VALUE = 40
_MOST_CHANGES = 8
_DAILY = {
    "daily_activity",
    "daily_cardiovascular_age",
    "daily_readiness",
    "daily_resilience",
    "daily_sleep",
    "daily_spo2",
    "daily_stress",
    "sleep",
}
_SOURCES = {
    "awake": "a",
    "rest": "r",
    "sleep": "s",
    "workout": "w",
    "session": "m",
    "live": "l",
}


def user_data(
    user: Row, tag_effects: Iterable[Row], questions: Questions
) -> dict[str, Any]:
    """Everything that the page of a user shows."""
    user_id = user["user_id"]
    rows = questions.days(user_id)
    today = questions.today(user["timezone"])["today"]
    if rows:
        today = max(today, rows[-1]["day"])
    runs = questions.coverage(user_id)
    return {
        "name": user_name(user),
        "isSynthetic": user["is_synthetic"],
        "timezone": user["timezone"],
        "today": today.isoformat(),
        "madeAt": datetime.now(UTC).isoformat(timespec="minutes"),
        "levels": LEVELS,
        "featured": TODAY,
        "metrics": [
            {
                "name": metric.name,
                "unit": metric.unit,
                "digits": metric.digits,
                "wholeDay": metric.whole_day,
            }
            for metric in METRICS
        ],
        **_days(rows),
        "nights": _nights(user_id, questions),
        "heartRate": _heart_rate(questions.heart_rate(user_id, user["timezone"])),
        "contributors": _contributors(questions.contributors(user_id)),
        "workouts": _workouts(questions.workouts(user_id)),
        "tags": [_tag_effect(row) for row in tag_effects],
        "coverage": _coverage(runs),
        "gaps": _gaps(user_id, runs, today, questions),
        "refusals": [_refusal(row) for row in questions.refusals(user_id)],
        "revisions": [_revision(row) for row in questions.revisions(user_id)],
        "setAside": questions.set_aside(user_id),
    }


def user_name(user: Row) -> str:
    """How a user is called."""
    return user["name"] or f"{str(user['user_id'])[:8]}…"


def _days(rows: list[Row]) -> dict[str, Any]:
    """The series, from the first day on, a value a day."""
    if not rows:
        return {"firstDay": None, "days": 0, "series": {}, "stress": ""}
    first, last = rows[0]["day"], rows[-1]["day"]
    by_day = {row["day"]: row for row in rows}
    days = [first + timedelta(n) for n in range((last - first).days + 1)]
    digits = {metric.name: metric.digits for metric in METRICS}
    grow_until_midnight = {metric.name for metric in METRICS if metric.whole_day}

    unfinished = {row["day"] for row in rows if row["is_complete"] is False}

    def value(name: str, day: date) -> str:
        if day not in by_day or (day in unfinished and name in grow_until_midnight):
            return ""
        return _number(by_day[day][name], digits.get(name, 0))

    def series(name: str) -> str:
        return ",".join(value(name, day) for day in days)

    names = [*digits, "bedtime", "wake_time"]
    return {
        "firstDay": first.isoformat(),
        "days": len(days),
        "series": {name: series(name) for name in names},
        "stress": _runs(
            (by_day.get(day, {}).get("stress_summary") or "-")[0] for day in days
        ),
    }


def _number(value: Decimal | int | None, digits: int) -> str:
    """A number in as few characters as it needs."""
    if value is None:
        return ""
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if digits else text


def _nights(user_id: Any, questions: Questions) -> list[dict[str, Any]]:  # noqa: ANN401 (a UUID)
    """The last nights, oldest first."""
    rows = questions.nights(user_id)
    ids = [row["main_sleep_id"] for row in rows]
    stages = {row["document_id"]: row for row in questions.stages(user_id, ids)}
    samples = {
        (row["document_id"], row["series"]): row
        for row in questions.samples(user_id, ids)
    }
    return [
        {
            "day": row["day"].isoformat(),
            "start": _minutes(row["bedtime_start_local"], row["day"]),
            "end": _minutes(row["bedtime_end_local"], row["day"]),
            "naps": row["nap_count"],
            "stages": stages.get(row["main_sleep_id"], {}).get("codes", ""),
            "isAsInApp": bool(stages.get(row["main_sleep_id"], {}).get("is_as_in_app")),
            "heart_rate": _samples(
                samples.get((row["main_sleep_id"], "heart_rate")), row["day"]
            ),
            "hrv": _samples(samples.get((row["main_sleep_id"], "hrv")), row["day"]),
        }
        for row in reversed(rows)
    ]


def _samples(row: Row | None, day: date) -> dict[str, Any] | None:
    """A recording: when it began, the minutes between its values, and the values."""
    if row is None or row["seconds"] is None:
        return None
    return {
        "start": _minutes(row["began_at"], day),
        "step": float(row["seconds"]) / 60,
        "values": ",".join(_number(value, 0) for value in row["values"]),
    }


def _minutes(moment: datetime, day: date) -> int:
    """Minutes from the day's midnight, on the user's clock."""
    midnight = datetime.combine(day, time.min)
    return round((moment - midnight).total_seconds() / 60)


def _heart_rate(rows: list[Row]) -> list[dict[str, Any]]:
    """The last days, each as the means of its slots from the first one on."""
    days = []
    for day, slots in groupby(rows, key=itemgetter("day")):
        by_slot = {row["slot"]: row for row in slots}
        first, last = min(by_slot), max(by_slot)
        found = [by_slot.get(slot, {}) for slot in range(first, last + 1)]
        days.append(
            {
                "day": day.isoformat(),
                "slot": first,
                "bpm": ",".join(_number(row.get("bpm"), 0) for row in found),
                "sources": _runs(
                    _SOURCES.get(row["source"], "o") if row else "-" for row in found
                ),
            }
        )
    return days[-DAYS:]


def _contributors(rows: list[Row]) -> dict[str, Any]:
    """The days, and what each score was made of, a value a day."""
    unfinished = {row["day"] for row in rows if row["is_complete"] is False}

    def value(row: Row, name: str, score: str) -> str:
        grows = score == "activity_score"
        return _number(
            None if grows and row["day"] in unfinished else row[name], digits=0
        )

    return {
        "days": [row["day"].isoformat() for row in rows],
        "scores": {
            score: {
                name: ",".join(value(row, name, score) for row in rows)
                for name in names
            }
            for score, (_, names) in CONTRIBUTORS.items()
        },
    }


def _workouts(rows: list[Row]) -> dict[str, Any] | None:
    """Workouts by the column; days as the number of days since the one before."""
    if not rows:
        return None
    kinds = sorted({row["activity"] or "" for row in rows})
    days = [rows[0]["day"], *(row["day"] for row in rows)]

    def column(name: str) -> str:
        return ",".join(_number(row[name], 0) for row in rows)

    return {
        "firstDay": rows[0]["day"].isoformat(),
        "kinds": kinds,
        "day": ",".join(str((day - before).days) for before, day in pairwise(days)),
        "kind": ",".join(str(kinds.index(row["activity"] or "")) for row in rows),
        "intensity": "".join((row["intensity"] or "-")[0] for row in rows),
        **{name: column(name) for name in ("start", "minutes", "calories", "distance")},
    }


def _runs(letters: Iterable[str]) -> str:
    """Letters as runs, such as p120e2p9."""
    return "".join(f"{letter}{sum(1 for _ in run)}" for letter, run in groupby(letters))


def _tag_effect(row: Row) -> dict[str, Any]:
    """An effect, in the units of the metric."""
    scale = 60 if row["figure"] == "total_sleep_duration" else 1
    effect = {
        "tag": row["tag"],
        "figure": row["figure"],
        "occasions": row["n_occasions"],
        "with": row["n_with"],
        "without": row["n_without"],
        "verdict": row["verdict"],
    }
    for name, column in {
        "usual": "mean_without",
        "difference": "difference",
        "from": "difference_from",
        "to": "difference_to",
    }.items():
        value = row[column]
        effect[name] = None if value is None else round(float(value) / scale, 2)
    return effect


def _coverage(runs: list[Row]) -> list[dict[str, Any]]:
    """Each route's days as runs of letters, whatever the reasons are."""
    return [
        {
            "stream": stream,
            "firstDay": found[0]["first_day"].isoformat(),
            "runs": _runs(
                run["status"][0]
                for run in found
                for _ in range((run["last_day"] - run["first_day"]).days + 1)
            ),
        }
        for stream, found in (
            (stream, list(same)) for stream, same in groupby(runs, itemgetter("stream"))
        )
    ]


def _gaps(
    user_id: UUID,
    runs: list[Row],
    today: date,
    questions: Questions,
) -> list[dict[str, Any]]:
    """Missing days of the routes that have a document every day, the newest first."""
    found: dict[tuple[Any, ...], list[str]] = {}
    for run in runs:
        last = min(run["last_day"], today - timedelta(1))
        if (
            run["stream"] in _DAILY
            and run["status"] != "present"
            and run["first_day"] <= last
        ):
            gap = (last, run["first_day"], run["status"], run["reason"])
            found.setdefault(gap, []).append(run["stream"])
    newest = sorted(found, key=itemgetter(0, 1), reverse=True)[:GAPS]
    hours = questions.hours_off(user_id, [(first, last) for last, first, *_ in newest])
    return [
        {
            "from": first.isoformat(),
            "to": last.isoformat(),
            "status": status,
            "reason": reason,
            "streams": found[last, first, status, reason],
            "hoursOff": round(hours[first, last], 1)
            if (first, last) in hours
            else None,
        }
        for last, first, status, reason in newest
    ]


def _refusal(row: Row) -> dict[str, Any]:
    """A route that was not answered."""
    return {
        "stream": row["stream"],
        "outcome": row["outcome"],
        "detail": row["detail"],
        "at": row["synced_at"].isoformat(timespec="minutes"),
    }


def _revision(row: Row) -> dict[str, Any]:
    """What a revision changed."""
    return {
        "stream": row["stream"],
        "day": row["day"].isoformat() if row["day"] else None,
        "seenAt": row["seen_at"].isoformat(timespec="minutes"),
        "isDeleted": row["is_deleted"],
        "changes": []
        if row["is_deleted"]
        else _changes(row["before"] or {}, row["after"] or {}),
    }


def _changes(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> list[tuple[str, str | None, str | None]]:
    """Name, old and new value of what differs; long values are left out."""
    old, new = dict(_flat(before)), dict(_flat(after))
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    return [
        (name, _brief(old.get(name)), _brief(new.get(name)))
        for name in names[:_MOST_CHANGES]
    ]


def _flat(document: Mapping[str, Any], path: str = "") -> Iterable[tuple[str, Any]]:
    """The values of a document, by their path."""
    for name, value in document.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{path}{name}.")
        else:
            yield f"{path}{name}", value


def _brief(value: object) -> str | None:
    """A value in a few characters."""
    if value is None:
        return None
    text = str(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"
