"""The query of a table's export, and the types that its columns have there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Collection

    from healthhub_export.relations import Column, Relation
    from healthhub_export.study import Study

#: The column in which a row says to which folder it belongs.
FOLDER = "_folder"
_NO_YEAR = "__HIVE_DEFAULT_PARTITION__"  # as Hive, and all who read its folders, say it
_NUMERIC = re.compile(r"numeric(?:\((\d+),(\d+)\))?")

# Where nothing is said of it: what BigQuery calls NUMERIC.
_PRECISION, _SCALE = 38, 9

_TYPES = {
    "boolean": pa.bool_(),
    "smallint": pa.int16(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "real": pa.float32(),
    "double precision": pa.float64(),
    "date": pa.date32(),
    "timestamp with time zone": pa.timestamp("us", tz="UTC"),
    "timestamp without time zone": pa.timestamp("us"),
}


@dataclass(frozen=True)
class Query:
    """What of a table goes into files.

    Attributes:
        users: The ids of those whose rows are wanted; None for all rows.
        study: Who they become.
        arrays_as_json: Whether lists are written as JSON, for formats without them.
    """

    relation: Relation
    users: Collection[str] | None
    study: Study | None
    arrays_as_json: bool

    @property
    def columns(self) -> list[Column]:
        """Those that are exported."""
        if self.study:
            return self.study.columns(self.relation)
        return list(self.relation.columns)

    @property
    def schema(self) -> pa.Schema:
        """Names, types and meaning of what is exported."""
        fields = [
            pa.field(
                column.name,
                self._type(column),
                metadata={
                    "description": column.description,
                    "postgresql_type": column.type,
                },
            )
            for column in self.columns
        ]
        return pa.schema(fields, {"description": self.relation.description})

    def rows(self, folders: Collection[str] | None) -> str:
        """The rows, folder by folder: of these folders, or of all if None."""
        values = [
            sql.SQL("{} as {}").format(self._sent(c), sql.Identifier(c.name))
            for c in self.columns
        ]
        chosen: sql.Composable = sql.SQL("")
        if folders is not None:
            names = sql.SQL(", ").join(map(sql.Literal, sorted(folders)))
            chosen = sql.SQL(" and {} in ({})").format(self._folder, names)
        order = [sql.Identifier("t", name) for name in self.relation.order]
        return (
            sql.SQL("select {}, {} as {} from {}{} order by {}")
            .format(
                sql.SQL(", ").join(values),
                self._folder,
                sql.Identifier(FOLDER),
                self._source,
                chosen,
                sql.SQL(", ").join([self._folder, *order]),
            )
            .as_string()
        )

    def folders(self) -> str:
        """The folders that there are, each with its rows and when they last changed."""
        changed = "max(t.updated_at)" if self.knows_changes else "null"
        return (
            sql.SQL("select {}, count(*), cast({} as text) from {} group by 1")
            .format(self._folder, sql.SQL(changed), self._source)
            .as_string()
        )

    @property
    def knows_changes(self) -> bool:
        """Whether its rows say when they changed, and it is quick to ask them."""
        relation = self.relation
        return relation.has("updated_at") and not relation.has_rows_of_samples

    def _value(self, column: Column) -> sql.Composable:
        if self.study:
            return self.study.value(column)
        return sql.Identifier("t", column.name)

    def _sent(self, column: Column) -> sql.Composable:
        """As the driver hands it over: text, where Arrow has another idea of it."""
        value = self._value(column)
        if column.is_array:
            if self.arrays_as_json:
                return sql.SQL("cast(array_to_json({}) as text)").format(value)
            return value
        if column.type == "numeric":
            value = sql.SQL("round({}, {})").format(value, _SCALE)
        if column.type in _TYPES:
            return value
        return sql.SQL("cast({} as text)").format(value)

    def _type(self, column: Column) -> pa.DataType:
        if column.is_array:
            each = _TYPES.get(column.type.removesuffix("[]"), pa.string())
            return pa.string() if self.arrays_as_json else pa.list_(each)
        if found := _NUMERIC.fullmatch(column.type):
            precision, scale = found.groups()
            return pa.decimal128(int(precision or _PRECISION), int(scale or _SCALE))
        return _TYPES.get(column.type, pa.string())

    @property
    def _folder(self) -> sql.Composable:
        """`user=.../year=...`, as far as the table has them."""
        parts = []
        if self.relation.has("user_id"):
            user = sql.SQL("s.study_id") if self.study else sql.SQL("t.user_id")
            parts.append(sql.SQL("'user=' || cast({} as text)").format(user))
        if time := self.relation.time:
            moment = self._value(time)
            if time.type == "timestamp with time zone":
                moment = sql.SQL("({} at time zone 'UTC')").format(moment)
            parts.append(
                sql.SQL(
                    "'year=' || coalesce(cast(extract(year from {}) as text), {})"
                ).format(moment, _NO_YEAR)
            )
        return sql.SQL(" || '/' || ").join(parts) if parts else sql.SQL("''")

    @property
    def _source(self) -> sql.Composable:
        table = sql.SQL("{} as t").format(
            sql.Identifier("healthhub", self.relation.name)
        )
        if self.study and self.users is not None:
            return table + self.study.join(self.users) + sql.SQL(" where true")
        if self.users is None:
            return table + sql.SQL(" where true")
        users = sql.SQL(", ").join(map(sql.Literal, sorted(self.users)))
        return table + sql.SQL(" where t.user_id in ({})").format(users)
