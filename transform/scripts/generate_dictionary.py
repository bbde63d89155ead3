"""Write docs/data-dictionary.md from the contracts of the models and the migrations.

    python transform/scripts/generate_dictionary.py

The contracts are the YAML files in transform/models. What the migrations make is read
from a database in which only they have run: an embedded one, for the moment.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from psycopg.rows import dict_row

from healthhub.embedded import EmbeddedPostgres
from healthhub.migrations import migrate

if TYPE_CHECKING:
    from healthhub.database import Database

TRANSFORM = Path(__file__).parent.parent
MODELS = TRANSFORM / "models" / "healthhub"
SOURCES = TRANSFORM / "models" / "staging" / "_oura__sources.yml"
DICTIONARY = TRANSFORM.parent / "docs" / "data-dictionary.md"

#: What each folder of models holds, in the order in which people look for it.
FOLDERS = {
    "daily": "Days: one row per user and day",
    "periods": "Periods: one row per document",
    "measurements": "Measurements, rings and the person",
    "samples": "Samples as rows",
    "insight": "Insight",
    "audit": "Audit: what was asked, what changed, what was wrong",
}
MIGRATED = "Users and runs, which the migrations make"

#: Streams that meet in one model before they become a table.
STREAMS_OF = {"int_oura__tags": ("enhanced_tag", "tag")}

INTRODUCTION = """\
<!-- Do not edit: `python transform/scripts/generate_dictionary.py` writes it. -->
# Data dictionary

Every table and view in the schema `healthhub`: those that dbt makes, from their
contracts in `transform/models/healthhub`, and the two that the migrations make. The
same descriptions are comments in the database (`\\d+ healthhub.daily_overview`).

*Oura's field* is the field of the document that the column is read from, where it is
one. *Required* columns are never NULL. The notes in Japanese are those of the original
design.
"""

# Named as the contracts name them.
COLUMNS = """
    select
        relname as table_name,
        obj_description(pg_class.oid, 'pg_class') as table_description,
        attname as name,
        replace(format_type(atttypid, atttypmod), 'timestamp with time zone',
            'timestamptz') as data_type,
        col_description(pg_class.oid, attnum) as description,
        attnotnull as is_required,
        coalesce(attnum = any(indkey), false) as is_key
    from pg_class
    join pg_attribute on attrelid = pg_class.oid and attnum > 0 and not attisdropped
    left join pg_index on indrelid = pg_class.oid and indisprimary
    where relnamespace = 'healthhub'::regnamespace
        and relkind = 'r'
        and relname != 'alembic_version'
    order by relname = 'users' desc, relname, attnum
"""

Yaml = dict[str, Any]


def dictionary(migrated: list[Yaml]) -> str:
    """The whole file.

    Args:
        migrated: The tables of the migrations.
    """
    streams = stream_fields()
    parts = [INTRODUCTION]
    contents = []
    for folder, title in FOLDERS.items():
        tables = contracts(folder)
        contents.append(f"- {title}: {links(tables)}")
        parts.append(f"## {title}\n")
        for table in tables:
            read = streams_of(table["name"], folder)
            parts.append(section(table, {name: streams[name] for name in read}))
    contents.append(f"- {MIGRATED}: {links(migrated)}")
    parts.append(f"## {MIGRATED}\n")
    parts += [section(table, {}) for table in migrated]
    parts.insert(1, "\n".join(contents) + "\n")
    return "\n".join(parts)


def links(tables: list[Yaml]) -> str:
    """To the sections of these tables."""
    return ", ".join(f"[{table['name']}](#{table['name']})" for table in tables)


def contracts(folder: str) -> list[Yaml]:
    """The models of a folder, as their YAML describes them."""
    document = yaml.safe_load((MODELS / folder / f"_{folder}.yml").read_text("utf-8"))
    models: list[Yaml] = document["models"]
    return models


def stream_fields() -> dict[str, set[str]]:
    """What Oura's documents hold, stream by stream."""
    (oura,) = yaml.safe_load(SOURCES.read_text("utf-8"))["sources"]
    ours = {"user_id", "unknown_fields"}
    return {
        table["name"]: {column["name"] for column in table["columns"]} - ours
        for table in oura["tables"]
    }


def migrated_tables(database: Database) -> list[Yaml]:
    """What the migrations make, in the shape of a contract.

    Args:
        database: An empty one.
    """
    migrate(database)
    with database.connect(row_factory=dict_row) as connection:
        columns = connection.execute(COLUMNS).fetchall()
    tables: dict[str, Yaml] = {}
    for column in columns:
        table = tables.setdefault(
            column["table_name"],
            {
                "name": column["table_name"],
                "description": column["table_description"],
                "constraints": [{"type": "primary_key", "columns": []}],
                "columns": [],
            },
        )
        constraints = [{"type": "not_null"}] if column["is_required"] else []
        table["columns"].append({**column, "constraints": constraints})
        if column["is_key"]:
            table["constraints"][0]["columns"].append(column["name"])
    return list(tables.values())


def section(table: Yaml, read: dict[str, set[str]]) -> str:
    """A table with its columns.

    Args:
        table: Its contract.
        read: The fields of the streams that it is made of.
    """
    fields = set().union(*read.values())
    facts = [table["description"]]
    if key := primary_key(table):
        facts.append(f"Key: {key}.")
    if read:
        facts.append(f"From {' and '.join(f'`{stream}`' for stream in read)}.")
    lines = [
        f"### {table['name']}\n",
        " ".join(facts) + "\n",
        "| Column | Type | Required | Unit | Oura's field | Notes |",
        "|---|---|---|---|---|---|",
    ]
    lines += [row(column, fields) for column in table["columns"]]
    return "\n".join(lines) + "\n"


def row(column: Yaml, fields: set[str]) -> str:
    """A column."""
    meta = column.get("config", {}).get("meta", {})
    kinds = {constraint["type"] for constraint in column.get("constraints", [])}
    name = column["name"]
    source = meta.get("source") or (name if name in fields else "")
    notes = [column["description"], meta.get("note_ja", "")]
    cells = [
        f"`{name}`",
        column["data_type"],
        "yes" if "not_null" in kinds else "",
        meta.get("unit", ""),
        " or ".join(f"`{field}`" for field in source.split(" or ") if field),
        "<br>".join(note for note in notes if note).replace("|", "\\|"),
    ]
    return f"| {' | '.join(cells)} |"


def primary_key(table: Yaml) -> str:
    """Its columns."""
    for constraint in table.get("constraints", []):
        if constraint["type"] == "primary_key":
            return ", ".join(f"`{column}`" for column in constraint["columns"])
    return ""


def streams_of(name: str, folder: str) -> tuple[str, ...]:
    """The streams that a table of documents is made of."""
    query = (MODELS / folder / f"{name}.sql").read_text("utf-8")
    found = re.fullmatch(r"\{\{ contracted\(ref\('(\w+)'\)\) \}\}\s*", query)
    if not found:
        return ()
    model = found[1]
    return STREAMS_OF.get(model, (model.removeprefix("stg_oura__"),))


def main() -> None:
    """Write the file."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        home.chmod(0o755)  # the server may run as a user of its own
        with EmbeddedPostgres(home).using() as lease:
            migrated = migrated_tables(lease.database)
    DICTIONARY.write_text(dictionary(migrated), encoding="utf-8")


if __name__ == "__main__":
    main()
