"""What is asked about tables before they are loaded."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from singer_sdk.contrib.msgspec import encoder
from sqlalchemy.engine.reflection import ObjectKind
from sqlalchemy.schema import CreateSchema
from target_postgres.connector import PostgresConnector
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from singer_sdk.sql.connector import FullyQualifiedName

_IS_CITUS = sa.text("select exists (select from pg_extension where extname = 'citus')")

# Any number that nothing else in this database locks.
_LOCK = 4_207_119_388


class FrugalConnector(PostgresConnector):
    """Asks for all columns and primary keys of a schema at once, and only once.

    The original reflects each table when its stream begins, and again for each batch.
    """

    def __init__(self, config: dict[str, Any]) -> None:
        """Know of no schema yet."""
        super().__init__(config)
        self._known: dict[str | None, dict[str, sa.Table]] = {}

    @override
    def serialize_json(self, obj: object) -> str:
        return encoder.encode(obj).decode()

    @override
    def prepare_schema(self, schema_name: str) -> None:
        if self._tables(schema_name):
            return
        with self.alone() as connection:
            if not sa.inspect(connection).has_schema(schema_name):
                connection.execute(CreateSchema(schema_name))

    @contextmanager
    def alone(self) -> Iterator[sa.Connection]:
        """A transaction in which no other target makes what this one is to make.

        Several may load their shares of one source into an empty database at once.
        """
        with self._connect() as connection, connection.begin():
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
            yield connection

    def ready_table(
        self, full_table_name: str | FullyQualifiedName, schema: dict[str, Any]
    ) -> sa.Table | None:
        """The table of a stream, if its columns can take all that the stream has."""
        _, schema_name, table_name = self.parse_full_table_name(full_table_name)
        table = self._tables(schema_name).get(table_name)
        if table is not None:
            for name, definition in schema["properties"].items():
                column = table.columns.get(name)
                if column is None or not self._takes(column, definition):
                    return None
        return table

    def _takes(self, column: sa.Column[Any], definition: dict[str, Any]) -> bool:
        """Whether a column stays as it is for such values."""
        wanted, there = self.to_sql_type(definition), str(column.type)
        if str(wanted) == there:
            return True
        try:
            return str(self.merge_sql_types([column.type, wanted])) == there
        except ValueError:  # what cannot be, is said where it is tried
            return False

    @override
    def prepare_table(  # type: ignore[override] # as is the original's
        self,
        full_table_name: str | FullyQualifiedName,
        schema: dict[str, Any],
        primary_keys: Sequence[str],
        connection: sa.Connection,
        partition_keys: list[str] | None = None,
        as_temp_table: bool = False,
    ) -> sa.Table:
        _, schema_name, table_name = self.parse_full_table_name(full_table_name)
        metadata = sa.MetaData(schema=schema_name)
        known = self._tables(schema_name)
        if table_name not in known:
            known[table_name] = self.create_empty_table(
                table_name=table_name,
                meta=metadata,
                schema=schema,
                connection=connection,
                primary_keys=primary_keys,
                partition_keys=partition_keys,
                as_temp_table=as_temp_table,
            )
            if primary_keys and not as_temp_table:
                self._distribute(known[table_name], connection)
            return known[table_name]
        table = known[table_name]
        for name, definition in schema["properties"].items():
            sql_type = self.to_sql_type(definition)
            self.prepare_column(
                full_table_name,
                name,
                sql_type,
                connection=connection,
                column_object=table.columns.get(name),
            )
            if name not in table.columns:
                table.append_column(sa.Column(name, sql_type))
        return table

    def _distribute(self, table: sa.Table, connection: sa.Connection) -> None:
        """Spread a new table over the machines, where the database is on several."""
        column = self.config.get("distribution_column")
        key = [each.name for each in table.primary_key.columns]
        if column in key and connection.scalar(_IS_CITUS):
            name = f"{table.schema}.{table.name}" if table.schema else table.name
            connection.execute(
                sa.select(sa.func.create_distributed_table(name, column))
            )

    def _tables(self, schema_name: str | None) -> dict[str, sa.Table]:
        """The tables and views of a schema, by name, as they were at first."""
        if schema_name not in self._known:
            with self._connect() as connection:
                found = dict(_reflected(connection, schema_name))
            self._known[schema_name] = found
        return self._known[schema_name]

    def look_again(
        self, full_table_name: str | FullyQualifiedName, connection: sa.Connection
    ) -> None:
        """Know a table as it is now: others may have made or changed it meanwhile."""
        _, schema_name, table_name = self.parse_full_table_name(full_table_name)
        self._tables(schema_name).update(
            _reflected(connection, schema_name, [table_name])
        )


def _reflected(
    connection: sa.Connection,
    schema_name: str | None,
    names: Sequence[str] | None = None,
) -> Iterator[tuple[str, sa.Table]]:
    """The tables and views of a schema, or those of some names."""
    inspector = sa.inspect(connection)
    with warnings.catch_warnings():
        # A neighbour may have columns of types that nobody here has to know.
        warnings.simplefilter("ignore", sa.exc.SAWarning)
        columns = inspector.get_multi_columns(schema_name, names, kind=ObjectKind.ANY)
        keys = inspector.get_multi_pk_constraint(schema_name, names)
    for (_, name), found in columns.items():
        key = keys.get((schema_name, name))
        yield (
            name,
            sa.Table(
                name,
                sa.MetaData(schema=schema_name),
                *(sa.Column(column["name"], column["type"]) for column in found),
                sa.PrimaryKeyConstraint(*(key["constrained_columns"] if key else ())),
            ),
        )
