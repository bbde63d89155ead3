"""How records get into their table."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.schema import CreateTable
from target_postgres.sinks import PostgresSink
from typing_extensions import override

from target_postgres_on_conflict.connector import FrugalConnector

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.dialects.postgresql import Insert

#: A batch that takes this much memory is loaded, however few its records are.
BATCH_BYTES = 16_000_000

# Values of these types are never kept outside of their row.
_SMALL = (sa.Boolean, sa.Date, sa.DateTime, sa.Integer, sa.Numeric, sa.Time, sa.Uuid)

# Where a record came in its batch. The SDK keeps the prefix to itself.
_POSITION = "_sdc_batch_position"


class OnConflictSink(PostgresSink):
    """Upserts a batch by one `INSERT ... ON CONFLICT DO UPDATE`.

    Streams without a key, and tables whose primary key is another one than the
    stream's, are loaded as target-postgres does.
    """

    connector_class = FrugalConnector
    _table: sa.Table
    current_bytes = 0

    @property
    @override
    def connector(self) -> FrugalConnector:
        """The one that all streams of a run share."""
        found = super().connector
        assert isinstance(found, FrugalConnector)  # noqa: S101 (this sink names it)
        return found

    @override
    def setup(self) -> None:
        if self.schema_name:
            self.connector.prepare_schema(self.schema_name)
        ready = self.connector.ready_table(self.full_table_name, self.schema)
        self._table = self._prepared_table() if ready is None else ready
        # What is only appended goes into the table of its batch record by record.
        # So does what is upserted here: which record is the last, SQL sees.
        self.append_only = self._has_key or not self.key_properties

    def _prepared_table(self) -> sa.Table:
        """The table, after what it lacks was made."""
        with self.connector.alone() as connection:
            self.connector.look_again(self.full_table_name, connection)
            return self.connector.prepare_table(
                full_table_name=self.full_table_name,
                schema=self.schema,
                primary_keys=self.key_properties,
                connection=connection,
            )

    @property
    def _has_key(self) -> bool:
        """Whether there is a constraint that rows of the same key conflict with."""
        key = self._table.primary_key.columns.keys()
        return bool(key) and set(key) == set(self.key_properties)

    @override
    def start_batch(self, context: dict[str, Any]) -> None:
        self.current_bytes = 0

    @override
    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:
        super().process_record(record, context)
        self.current_bytes += _size(record)

    @property
    @override
    def is_full(self) -> bool:
        return super().is_full or self.current_bytes >= BATCH_BYTES

    @override
    def process_batch(self, context: dict[str, Any]) -> None:
        if not self._has_key:
            super().process_batch(context)
            return
        batch = self._batch_table()
        with self._transaction() as connection:
            connection.execute(CreateTable(batch))
            self.bulk_insert_records(
                table=batch,
                schema=self.schema,
                records=context["records"],
                primary_keys=self.key_properties,
                connection=connection,
            )
            connection.execute(self._upsert_from(batch))

    @contextmanager
    def _transaction(self) -> Iterator[sa.Connection]:
        """A connection that commits at the end, as all sinks of the SDK have theirs."""
        connect = self.connector._connect  # noqa: SLF001
        with connect() as connection, connection.begin():
            yield connection

    def _batch_table(self) -> sa.Table:
        """A table for the columns of the stream, which ends with the transaction."""
        return sa.Table(
            self.temp_table_name,
            sa.MetaData(),
            *(sa.Column(name, self._table.c[name].type) for name in self._names),
            sa.Column(_POSITION, sa.BigInteger, sa.Identity(always=True)),
            prefixes=["TEMPORARY"],
            postgresql_on_commit="DROP",
        )

    @property
    def _names(self) -> list[str]:
        return list(self.schema["properties"])

    def _upsert_from(self, batch: sa.Table) -> Insert:
        """The statement that moves the last record of each key to its table."""
        key = self.key_properties
        of_batch = [batch.c[name] for name in key]
        last = (
            sa.select(*(batch.c[name] for name in self._names))
            # As `distinct_on` does, which SQLAlchemy has since 2.1.
            .prefix_with(sa.text("DISTINCT ON"), sa.tuple_(*of_batch))
            .order_by(*of_batch, batch.c[_POSITION].desc())
        )
        statement = insert(self._table).from_select(self._names, last)
        changes = {
            name: _unless_same(self._table.c[name], statement.excluded[name])
            for name in self._names
            if name not in key
        }
        if not changes:
            return statement.on_conflict_do_nothing(index_elements=key)
        return statement.on_conflict_do_update(index_elements=key, set_=changes)


def _unless_same(
    known: sa.Column[Any], new: sa.ColumnElement[Any]
) -> sa.ColumnElement[Any]:
    """The new value, or the known one itself, which then stays where it lies.

    A large value that did not change is so not written again. Values are compared as
    they are stored: not all types know `=`, and for some (`1.0`, `1.00`) it is lax.
    """
    if isinstance(known.type, _SMALL):
        return new
    same = sa.func.record_image_eq(sa.func.row(known), sa.func.row(new))
    return sa.case((same, known), else_=new)


def _size(value: object) -> int:
    """About how much memory it takes. Elements of a list are much of a size."""
    if isinstance(value, dict):
        return sum(map(_size, value.values()))
    if isinstance(value, list):
        return len(value) * max(map(_size, (*value[:1], *value[-1:])), default=0)
    return sys.getsizeof(value)
