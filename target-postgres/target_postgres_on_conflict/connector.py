"""What is asked about a table before it is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.exc import NoSuchTableError
from target_postgres.connector import PostgresConnector
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Sequence

    from singer_sdk.sql.connector import FullyQualifiedName


class FrugalConnector(PostgresConnector):
    """Asks for columns and primary key, once, where the original reflects it all."""

    def __init__(self, config: dict[str, Any]) -> None:
        """Know of no schema yet."""
        super().__init__(config)
        self._prepared_schemas: set[str] = set()

    @override
    def prepare_schema(self, schema_name: str) -> None:
        if schema_name not in self._prepared_schemas:
            super().prepare_schema(schema_name)
            self._prepared_schemas.add(schema_name)

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
        inspector = sa.inspect(connection)
        try:
            columns = {
                column["name"]: sa.Column(column["name"], column["type"])
                for column in inspector.get_columns(table_name, schema_name)
            }
        except NoSuchTableError:
            return self.create_empty_table(
                table_name=table_name,
                meta=metadata,
                schema=schema,
                connection=connection,
                primary_keys=primary_keys,
                partition_keys=partition_keys,
                as_temp_table=as_temp_table,
            )
        key = inspector.get_pk_constraint(table_name, schema_name)
        for name, definition in schema["properties"].items():
            sql_type = self.to_sql_type(definition)
            self.prepare_column(
                full_table_name,
                name,
                sql_type,
                connection=connection,
                column_object=columns.get(name),
            )
            columns.setdefault(name, sa.Column(name, sql_type))
        return sa.Table(
            table_name,
            metadata,
            *columns.values(),
            sa.PrimaryKeyConstraint(*key["constrained_columns"]),
        )
