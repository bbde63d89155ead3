"""Writes the report."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from hashlib import sha256
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg

from healthhub_report.errors import ReportError
from healthhub_report.html import LANGUAGES, page
from healthhub_report.queries import Questions
from healthhub_report.user import user_data, user_name

if TYPE_CHECKING:
    from healthhub_report.queries import Row


def write_report(
    database_url: str,
    path: Path,
    *,
    user_id: str | None = None,
    language: str | None = None,
    made_of: str | None = None,
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
        made_of: A word for all that the tables hold, and for the day. Of pages that
            were made of the same, by the same package, nothing is read or written.

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
    origin = (made_of, user, language) if made_of else None
    if origin and _is_told(path, origin):
        return path
    try:
        # No prepared statements: a transaction pooler does not know them.
        with psycopg.connect(
            database_url, connect_timeout=10, prepare_threshold=None
        ) as connection:
            # All pages show the same moment, and nothing is ever written.
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            return _write(Questions(connection), path, user, language, origin)
    except psycopg.OperationalError:
        message = (
            "Cannot use the database. Check its URL, and that the server is up "
            "(`healthhub db status`)."
        )
        raise ReportError(message) from None
    except psycopg.Error as error:
        raise ReportError(_explain(error)) from None


def _write(
    questions: Questions,
    path: Path,
    user_id: UUID | None,
    language: str | None,
    origin: tuple[object, ...] | None,
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

    def data_of(user: Row, back: str | None) -> dict[str, Any]:
        data = user_data(user, effects.get(user["user_id"], []), questions)
        return {**data, "back": back}

    if len(users) == 1:
        data = data_of(users[0], None)
        is_lasting = not data["refusals"]
    else:
        folder = _folder(path)
        is_lasting = True
        for user in users:
            data = data_of(user, f"../{path.name}")
            is_lasting &= not data["refusals"]
            _save(folder / f"{user['user_id']}.html", page(data, language))
        data = _list_of(users, folder.name)
    # A refusal ends with an answer, of which the tables may know nothing.
    told = _digest(path, origin) if origin and is_lasting else ""
    _save(path, page(data, language, told))
    return path


def _is_told(path: Path, origin: tuple[object, ...]) -> bool:
    """Whether the file says of itself, and of those beside it, that this is it."""
    try:
        return _digest(path, origin).encode() in path.read_bytes()
    except OSError:
        return False


def _digest(path: Path, origin: tuple[object, ...]) -> str:
    """Of what the pages are made of, this package included, and which ones they are."""
    package = sorted(Path(__file__).parent.rglob("*.*"))
    code = [f.read_bytes() for f in package if f.is_file() and f.suffix != ".pyc"]
    others = [
        (file.name, file.stat().st_mtime_ns)
        for file in sorted(_folder(path).glob("*.html"))
    ]
    return sha256(repr((origin, code, others)).encode()).hexdigest()


def _folder(path: Path) -> Path:
    """Where the files of several users are."""
    return path.with_name(f"{path.stem}-users")


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
