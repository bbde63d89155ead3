"""Singer messages for the target, and what they became."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from psycopg.rows import dict_row
from singer_sdk.contrib.msgspec import encoder

from target_postgres_on_conflict.target import TargetPostgresOnConflict

if TYPE_CHECKING:
    import psycopg

SCHEMA = "loaded"
STREAM = "documents"

Record = dict[str, Any]


def config(url: str, **settings: object) -> dict[str, Any]:
    """What the target is told."""
    return {
        "sqlalchemy_url": url.replace("postgresql://", "postgresql+psycopg://"),
        "default_target_schema": SCHEMA,
        **settings,
    }


class Loader:
    """Runs the target, each time anew."""

    def __init__(
        self, connection: psycopg.Connection[Any], url: str, **settings: object
    ) -> None:
        """Load into a database, with some settings."""
        self.connection = connection
        self.settings = settings
        self.url = url

    def __call__(
        self,
        *records: Record,
        properties: dict[str, Any],
        key: tuple[str, ...] = ("id",),
        extracted: str = "2026-01-01T00:00:00+00:00",
        **settings: object,
    ) -> None:
        """One run of one stream."""
        stream: Record = {"stream": STREAM}
        messages = [
            stream
            | {
                "type": "SCHEMA",
                "schema": {"properties": properties},
                "key_properties": key,
            },
            *(
                stream
                | {"type": "RECORD", "record": record, "time_extracted": extracted}
                for record in records
            ),
        ]
        target = TargetPostgresOnConflict(
            config=config(self.url, **self.settings, **settings)
        )
        lines = b"\n".join(map(encoder.encode, messages)).decode()
        target.process_lines(io.StringIO(lines))
        target.process_endofpipe()

    def query(self, statement: str) -> list[Record]:
        """The rows of one statement."""
        with self.connection.cursor(row_factory=dict_row) as cursor:
            cursor.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def rows(self) -> list[Record]:
        """What is in the table, without what the target adds."""
        return [
            {name: value for name, value in row.items() if not name.startswith("_sdc_")}
            for row in self.query(f"select * from {SCHEMA}.{STREAM} order by 1")
        ]
