"""The files of an export: never half a one under its final name."""

from __future__ import annotations

import filecmp
import os
from typing import TYPE_CHECKING, Any

import psutil
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv, parquet

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

#: Rows that are kept in memory until they are written together.
_GROUP = 32_768


class Partition:
    """The file of one folder, on its way."""

    def __init__(self, folder: Path, suffix: str, schema: pa.Schema) -> None:
        """Begin it under a name that no reader takes for a file of data."""
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"data.{suffix}"
        self.rows = 0
        self._partial = folder / f".data.{os.getpid()}.partial"
        self._schema = schema
        self._waiting: list[pa.Table] = []
        self._waiting_rows = 0
        self._writer: Any = (
            parquet.ParquetWriter(self._partial, schema, compression="zstd")
            if suffix == "parquet"
            else csv.CSVWriter(self._partial, schema)
        )

    def write(self, rows: pa.Table) -> None:
        """Add rows; groups of always the same size make files that can be compared."""
        self.rows += rows.num_rows
        self._waiting.append(rows)
        self._waiting_rows += rows.num_rows
        while self._waiting_rows >= _GROUP:
            self._write_group()

    def finish(self) -> bool:
        """Give it its name. Returns whether it differs from what was there."""
        if self._waiting_rows:
            self._write_group()
        self._writer.close()
        if self.path.exists() and filecmp.cmp(self._partial, self.path, shallow=False):
            self._partial.unlink()
            return False
        self._partial.replace(self.path)
        return True

    def give_up(self) -> None:
        """Leave nothing of it."""
        self._writer.close()
        self._partial.unlink(missing_ok=True)

    def _write_group(self) -> None:
        rows = pa.concat_tables(self._waiting).combine_chunks()
        self._writer.write_table(rows.slice(0, _GROUP))
        self._waiting = [rows.slice(_GROUP)]
        self._waiting_rows = max(rows.num_rows - _GROUP, 0)


def by_folder(
    batches: Iterable[pa.RecordBatch], column: str
) -> Iterator[tuple[str, pa.Table]]:
    """Batches that are in the order of their folders, cut where the folder changes."""
    for batch in batches:
        rows = pa.Table.from_batches([batch])
        folders = pc.run_end_encode(batch.column(column))
        begin = 0
        for end, folder in zip(
            folders.run_ends.to_pylist(), folders.values.to_pylist(), strict=True
        ):
            yield folder, rows.slice(begin, end - begin).drop_columns(column)
            begin = end


def forget_partial(folder: Path) -> None:
    """Remove what exports left that were killed."""
    for path in folder.rglob(".data.*.partial"):
        if not psutil.pid_exists(int(path.name.split(".")[2])):
            path.unlink(missing_ok=True)


def remove(folder: Path, path: str) -> None:
    """Remove a file, and the folders that are empty without it."""
    file = folder / path
    file.unlink(missing_ok=True)
    for parent in file.parents:
        if parent == folder or any(parent.iterdir()):
            break
        parent.rmdir()
