"""Writes the report."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg

from healthhub_report.errors import ReportError
from healthhub_report.html import LANGUAGES, page
from healthhub_report.queries import Questions
from healthhub_report.user import user_data, user_name

if TYPE_CHECKING:
    from pathlib import Path

    from healthhub_report.queries import Row


def write_report(
    database_url: str,
    path: Path,
    *,
    user_id: str | None = None,
    language: str | None = None,
) -> Path:
    """Write the report of one user, or of each with a list of them.

    A single user is one file. Several are a file each, in a folder beside `path`
    (report-users/ for report.html), and `path` is the list that leads to them: so
    nobody's file holds the data of others, and none grows with their number.

    Args:
        database_url: PostgreSQL URL; empty for the one that libpq's variables name.
        path: The HTML file, or a folder for report.html; folders on the way are made.
        user_id: Only this user.
        language: In which language the pages open: en or ja. Left out, in that of the
            browser.

    Returns:
        The file to open.

    Raises:
        ReportError: There is nothing to report on, in one sentence.
    """
    if language is not None and language not in LANGUAGES:
        message = f"There is no language {language!r}. Choose en or ja."
        raise ReportError(message)
    user = _uuid(user_id)
    if path.is_dir() or not (path.suffix or path.exists()):
        path /= "report.html"
    try:
        # No prepared statements: a transaction pooler does not know them.
        with psycopg.connect(
            database_url, connect_timeout=10, prepare_threshold=None
        ) as connection:
            # All pages show the same moment, and nothing is ever written.
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            return _write(Questions(connection), path, user, language)
    except psycopg.OperationalError:
        message = (
            "Cannot use the database. Check its URL, and that the server is up "
            "(`healthhub db status`)."
        )
        raise ReportError(message) from None
    except psycopg.Error as error:
        raise ReportError(_explain(error)) from None


def _write(
    questions: Questions, path: Path, user_id: UUID | None, language: str | None
) -> Path:
    """Write the file or files."""
    users = questions.users(user_id)
    if not users:
        whose = f"of user {user_id} " if user_id else ""
        message = f"Nothing {whose}was loaded yet. Run `healthhub run` first."
        raise ReportError(message)
    for user in users:
        user["is_synthetic"] = questions.is_synthetic(user["user_id"])
    effects = {
        user: list(rows)
        for user, rows in groupby(
            sorted(questions.tag_effects(user_id), key=itemgetter("user_id")),
            key=itemgetter("user_id"),
        )
    }

    def write_user(user: Row, target: Path, back: str | None) -> None:
        data = user_data(user, effects.get(user["user_id"], []), questions)
        _save(target, page({**data, "back": back}, language))

    if len(users) == 1:
        write_user(users[0], path, None)
        return path
    folder = path.with_name(f"{path.stem}-users")
    for user in users:
        write_user(user, folder / f"{user['user_id']}.html", f"../{path.name}")
    _save(path, page(_list_of(users, folder.name), language))
    return path


def _list_of(users: list[Row], folder: str) -> dict[str, Any]:
    """What the list of users is made of."""
    return {
        "madeAt": datetime.now(UTC).isoformat(timespec="minutes"),
        "today": datetime.now(UTC).date().isoformat(),
        "users": [
            {
                "name": user_name(user),
                "isSynthetic": user["is_synthetic"],
                "days": user["days"],
                "firstDay": user["first_day"] and user["first_day"].isoformat(),
                "lastDay": user["last_day"] and user["last_day"].isoformat(),
                "file": f"{folder}/{user['user_id']}.html",
            }
            for user in users
        ],
    }


def _save(path: Path, text: str) -> None:
    """Write a file that only its owner can read, all of it or nothing."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        unfinished.touch(mode=0o600)
        unfinished.write_text(text, "utf-8")
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _explain(error: psycopg.Error) -> str:
    """Why the tables cannot be read; libpq would quote the URL, password and all."""
    if reason := error.diag.message_primary:
        return f"The database is not ready: {reason}. Run `healthhub run` first."
    return "The URL of the database is malformed. Write postgresql://user@host/name."


def _uuid(text: str | None) -> UUID | None:
    """The user of that id."""
    if text is None:
        return None
    try:
        return UUID(text)
    except ValueError:
        message = f"{text!r} is not the UUID of a user. See healthhub.users."
        raise ReportError(message) from None
