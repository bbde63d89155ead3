"""Instants are seconds since 1970; a zone turns them into what a clock shows."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

HOUR = 3600
DAY = 24 * HOUR


def instant(day: date, hour: float, zone: ZoneInfo) -> int:
    """Return when clocks in a zone show an hour; it may lie outside 0 to 24."""
    midnight = datetime.combine(day, time(), zone)
    return round((midnight + timedelta(hours=hour)).timestamp())


def midnight_utc(day: date) -> int:
    """Return the instant at which a day begins in UTC."""
    return round(datetime.combine(day, time(), UTC).timestamp())


def day_utc(moment: int) -> date:
    """Return the UTC day that an instant falls on."""
    return datetime.fromtimestamp(moment, UTC).date()


def local(moment: int, zone: tzinfo) -> str:
    """Write an instant as the wearer's clock shows it, with its offset."""
    return datetime.fromtimestamp(moment, zone).isoformat()


def offset(day: date, zone: ZoneInfo) -> int:
    """Return how many seconds a zone is ahead of UTC at noon of a day."""
    difference = datetime.combine(day, time(12), zone).utcoffset()
    return 0 if difference is None else round(difference.total_seconds())


def before(day: date, days: int = 1) -> date:
    """Return the day that lies some days back."""
    return day - timedelta(days=days)


def after(day: date, days: int = 1) -> date:
    """Return the day that lies some days ahead."""
    return day + timedelta(days=days)
