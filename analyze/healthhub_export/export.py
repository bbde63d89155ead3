"""One export: which files are due, and writing them from one moment of the database."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import psycopg
from adbc_driver_postgresql import dbapi

from healthhub_export.errors import ExportError
from healthhub_export.files import Partition, by_folder, forget_partial, remove
from healthhub_export.queries import FOLDER, Query
from healthhub_export.relations import relations
from healthhub_export.study import Study, key_file, read_private, write_private

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from healthhub_export.relations import Relation

#: What an export keeps of itself: what is in each file, to know what has changed.
STATE = "export.json"
#: What the tables and columns mean.
DICTIONARY = "dictionary.json"

LAST = "last"

_USERS = "select cast(user_id as text) from healthhub.users"


@dataclass(frozen=True)
class ExportRequest:
    """What to export.

    Attributes:
        format: parquet or csv.
        users: Whose data, by id; all users' if there are none.
        tables: Which; by default all but the samples as rows.
        since: Only files in which something changed: since then, or since the last
            export; all files if None.
        study: Whether it is for others.
    """

    folder: Path
    format: str = "parquet"
    users: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    since: datetime | str | None = None
    study: bool = False
    shifts_dates: bool = False


@dataclass(frozen=True)
class Outcome:
    """What was done, in files: new or other than before, the same, and gone."""

    written: int
    unchanged: int
    removed: int
    rows: int

    def __str__(self) -> str:
        """As a person is told."""
        return (
            f"{self.written:,} files written ({self.rows:,} rows), "
            f"{self.unchanged:,} unchanged, {self.removed:,} removed"
        )


def export(database_url: str, request: ExportRequest) -> Outcome:
    """Write the files that are due. If the database ends it, those there are whole.

    Raises:
        ExportError: There is no such table, or the folder holds another kind of
            export.
    """
    kept = _Kept(request)
    # No prepared statements: a transaction pooler does not know them.
    with psycopg.connect(
        database_url, connect_timeout=10, prepare_threshold=None
    ) as connection:
        everyone = [user_id for (user_id,) in connection.execute(_USERS)]
        chosen = relations(connection, request.tables)
    with dbapi.connect(database_url) as driver, driver.cursor() as cursor:
        cursor.execute("set transaction isolation level repeatable read read only")
        cursor.execute("set local timezone to 'UTC'")
        return _Export(request, kept, cursor, everyone).run(chosen)


class _Kept:
    """What an export knows of the one before, which is of the same kind."""

    def __init__(self, request: ExportRequest) -> None:
        self._path, other = request.folder / STATE, key_file(request.folder)
        if request.study:
            self._path, other = other, self._path
        self.content = read_private(self._path)
        kind = {
            "format": request.format,
            "study": request.study,
            "shifted": request.shifts_dates,
        }
        if other.exists() or self.content.setdefault("kind", kind) != kind:
            raise ExportError(
                f"{request.folder} holds an export of another kind (format, --study "
                "or --shift-dates). Choose another folder."
            )
        #: Of each file, its rows, when they last changed, and its columns.
        self.files: dict[str, list[Any]] = self.content.setdefault("files", {})

    def write(self, study: Study | None) -> None:
        """Keep it."""
        self.content |= study.key if study else {}
        write_private(self._path, self.content)


class _Export:
    """The work, in one transaction."""

    def __init__(
        self,
        request: ExportRequest,
        kept: _Kept,
        cursor: dbapi.Cursor,
        everyone: Collection[str],
    ) -> None:
        self._request, self._kept, self._cursor = request, kept, cursor
        self._study = None
        users = request.users
        self._users: Collection[str] | None = users or None
        if request.study:
            if not everyone:
                raise ExportError("There are no users yet whose data to export.")
            self._study = Study.from_key(
                self._kept.content, everyone, shifts_dates=request.shifts_dates
            )
            self._users = users or everyone
        self._names = self._names_of_folders(users) if users else None
        self._done: Counter[str] = Counter()

    def run(self, chosen: list[Relation]) -> Outcome:
        """Write what is due of these tables."""
        request = self._request
        request.folder.mkdir(parents=True, exist_ok=True)
        forget_partial(request.folder)
        if self._study:
            chosen = [each for each in chosen if self._study.keeps(each)]
            self._kept.write(self._study)  # before anything is named by it
        if request.users:
            chosen = [each for each in chosen if each.has("user_id")]
        dictionary = read_private(request.folder / DICTIONARY)
        for relation in chosen:
            query = Query(relation, self._users, self._study, request.format == "csv")
            self._export(query)
            dictionary[relation.name] = _meaning(query)
        write_private(request.folder / DICTIONARY, dictionary)
        self._kept.write(self._study)
        return Outcome(**{each.name: self._done[each.name] for each in fields(Outcome)})

    def _export(self, query: Query) -> None:
        """Write a table's files, and remove those of folders that are no more."""
        due, there = None, set()
        if query.knows_changes:
            self._cursor.execute(query.folders())
            # Files with other columns are to be written anew, though no row changed.
            columns = sha256(str(query.schema).encode()).hexdigest()[:16]
            now = {
                folder: [rows, changed, columns]
                for folder, rows, changed in self._cursor.fetchall()
            }
            due = {f for f, state in now.items() if self._is_due(query, f, state)}
            there = set(now)
            self._kept.files.update({self._path(query, f): now[f] for f in due})
        if due is None or due == there:
            there |= self._write(query, None)
        elif due:
            self._write(query, due)
        self._remove_others(query, there)

    def _is_due(self, query: Query, folder: str, state: list[Any]) -> bool:
        since = self._request.since
        path = self._path(query, folder)
        kept = self._kept.files.get(path)
        if isinstance(since, datetime):
            has_others = kept is not None and kept[2:] != state[2:]
            return has_others or datetime.fromisoformat(state[1]) >= since
        is_same = kept == state and (self._request.folder / path).exists()
        return since is None or not is_same

    def _write(self, query: Query, folders: Collection[str] | None) -> set[str]:
        """Write files, of these folders or all. Returns the folders."""
        self._cursor.execute(query.rows(folders))
        written: set[str] = set()
        current: Partition | None = None
        name = None
        try:
            with self._cursor.fetch_record_batch() as batches:
                for folder, rows in by_folder(batches, FOLDER):
                    if current is None or folder != name:
                        self._finish(current)
                        name = folder
                        written.add(folder)
                        path = self._request.folder / query.relation.name / folder
                        current = Partition(path, self._request.format, query.schema)
                    current.write(rows.cast(query.schema))
            self._finish(current)
        except BaseException:
            if current:
                current.give_up()
            raise
        return written

    def _finish(self, partition: Partition | None) -> None:
        if partition is None:
            return
        if partition.finish():
            self._done.update(written=1, rows=partition.rows)
        else:
            self._done["unchanged"] += 1

    def _remove_others(self, query: Query, there: set[str]) -> None:
        """Remove the files of folders that hold nothing any more."""
        root = self._request.folder / query.relation.name
        for file in list(root.rglob(f"data.{self._request.format}")):
            folder = file.parent.relative_to(root).as_posix().removeprefix(".")
            is_ours = self._names is None or folder.split("/")[0] in self._names
            if is_ours and folder not in there:
                path = file.relative_to(self._request.folder).as_posix()
                remove(self._request.folder, path)
                self._kept.files.pop(path, None)
                self._done["removed"] += 1

    def _path(self, query: Query, folder: str) -> str:
        parts = (query.relation.name, folder, f"data.{self._request.format}")
        return "/".join(part for part in parts if part)

    def _names_of_folders(self, users: Collection[str]) -> set[str]:
        study = self._study
        return {f"user={study.users[u][0] if study else u}" for u in users}


def _meaning(query: Query) -> dict[str, Any]:
    return {
        "description": query.relation.description,
        "columns": {
            c.name: {"type": c.type, "description": c.description}
            for c in query.columns
        },
    }


def moment(text: str) -> datetime | str:
    """What `--since` names: `last`, or a day or instant (UTC if it has no zone)."""
    if text == LAST:
        return text
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ExportError(
            f"--since {text!r} is no day. Write it like 2026-01-31, or `--since last`."
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
