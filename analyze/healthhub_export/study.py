"""An export to share: who it is about is known to the holder of a key file alone.

Everything happens in the queries, so that no file, not even for a moment, holds more.
What is not known to be harmless is left out: docs/study.md says what is kept and why.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from psycopg import sql

from healthhub_export.errors import ExportError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    from healthhub_export.relations import Column, Relation

_WEEKS = 52

#: Of the text columns, only those that hold words of Oura's or of this project's.
_CODES = frozenset(
    (
        "activity",
        "app_sleep_phase_5_min",
        "biological_sex",
        "class_5_min",
        "code",
        "color",
        "day_summary",
        "design",
        "figure",
        "firmware_version",
        "hardware_type",
        "intensity",
        "level",
        "meaning",
        "mood",
        "movement_30_sec",
        "recommendation",
        "resilience_level",
        "series",
        "sleep_algorithm_version",
        "sleep_analysis_reason",
        "sleep_phase_30_sec",
        "sleep_phase_5_min",
        "source",
        "sources",
        "status",
        "stream",
        "stress_summary",
        "tag_type_code",
        "type",
        "verdict",
    )
)
#: When something was loaded: of all users at once, which would tell how far apart
#: their days were moved.
_LOADED = frozenset(
    ("created_at", "updated_at", "first_seen_at", "last_seen_at", "deleted_at")
)
_LEFT_OUT = frozenset(
    (
        "deleted_documents",
        "document_revisions",
        "requested_days",
        "set_aside_documents",
        "tag_effects",  # of tags that have no names here
        "users",
    )
)
_NO_TEXT = re.compile(
    r"(smallint|integer|bigint|double precision|numeric(\(.*\))?|boolean)(\[\])?"
    r"|uuid|date|timestamp with(out)? time zone"
)
_TEXT = ("text", "text[]")
_TIMES = ("timestamp with time zone", "timestamp without time zone")


@dataclass(frozen=True)
class Study:
    """The key: how real ids and days become those of the export.

    Attributes:
        secret: What the ids of documents are made with.
        users: By real id, the id in the export and the weeks to go back.
        shifts_dates: Whether the days are moved by those weeks.
    """

    secret: str = field(repr=False)
    users: dict[str, tuple[str, int]]
    shifts_dates: bool

    @classmethod
    def from_key(
        cls, key: dict[str, Any], user_ids: Iterable[str], *, shifts_dates: bool
    ) -> Self:
        """Go on with a key, or begin one; who is not in it yet gets an id at random."""
        users = dict(key.get("users", {}))
        for user_id in user_ids:
            if user_id not in users:
                users[user_id] = [str(uuid.uuid4()), 1 + secrets.randbelow(_WEEKS)]
        known = {user_id: (name, weeks) for user_id, (name, weeks) in users.items()}
        return cls(key.get("secret") or secrets.token_hex(32), known, shifts_dates)

    @property
    def key(self) -> dict[str, Any]:
        """What to keep."""
        return {"secret": self.secret, "users": self.users}

    def keeps(self, relation: Relation) -> bool:
        """Whether a table has anything for others."""
        return relation.name not in _LEFT_OUT and relation.has("user_id")

    def columns(self, relation: Relation) -> list[Column]:
        """What of it is left."""
        return [column for column in relation.columns if _is_harmless(column)]

    def value(self, column: Column) -> sql.Composable:
        """A column's value in the export."""
        real = sql.Identifier("t", column.name)
        if column.name == "user_id":
            return sql.SQL("s.study_id")
        if column.type == "uuid":
            return sql.SQL(
                "cast(left(encode(sha256(convert_to({} || {}, 'UTF8')), 'hex'), 32)"
                " as uuid)"
            ).format(sql.Literal(self.secret), real)
        if self.shifts_dates and column.type == "date":
            return sql.SQL("({} - s.days)").format(real)
        if self.shifts_dates and column.type in _TIMES:
            return sql.SQL("({} - s.days * interval '1 day')").format(real)
        return real

    def join(self, users: Collection[str]) -> sql.Composable:
        """The users of the export beside the rows of a table `t`."""
        rows = sql.SQL(", ").join(
            sql.SQL("(cast({} as uuid), cast({} as uuid), {})").format(
                user_id, study_id, weeks * 7
            )
            for user_id, (study_id, weeks) in self.users.items()
            if user_id in users
        )
        return sql.SQL(
            " inner join (values {}) as s (user_id, study_id, days)"
            " on s.user_id = t.user_id"
        ).format(rows)


def _is_harmless(column: Column) -> bool:
    if column.name in _LOADED:
        return False
    if column.type in _TEXT:
        return column.name in _CODES
    return bool(_NO_TEXT.fullmatch(column.type))


def key_file(folder: Path) -> Path:
    """Where the key of an export is: beside the folder that is given away."""
    return folder.with_name(f"{folder.name}.key.json")


def read_private(path: Path) -> dict[str, Any]:
    """A JSON file of ours; nothing, if it is not there."""
    try:
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError:
        raise ExportError(
            f"{path} cannot be read. Put it back, or export into a new folder."
        ) from None
    return found


def write_private(path: Path, content: dict[str, Any]) -> None:
    """Write a JSON file that only its owner may read, whole or not at all."""
    new = path.with_name(f".{path.name}.{os.getpid()}.partial")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=1, sort_keys=True)
        file.write("\n")
    new.replace(path)
