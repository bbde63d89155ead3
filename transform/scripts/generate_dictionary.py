"""Write docs/data-dictionary.md from the contracts of the models.

    python transform/scripts/generate_dictionary.py

It reads the YAML files in transform/models and needs no database.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

TRANSFORM = Path(__file__).parent.parent
MODELS = TRANSFORM / "models" / "healthhub"
SOURCES = TRANSFORM / "models" / "staging" / "_oura__sources.yml"
DICTIONARY = TRANSFORM.parent / "docs" / "data-dictionary.md"

#: What each folder of models holds, in the order in which people look for it.
FOLDERS = {
    "daily": "Days: one row per account and day",
    "periods": "Periods: one row per document",
    "measurements": "Measurements, rings and the person",
    "samples": "Samples as rows",
    "insight": "Insight",
    "record": "Record: what was asked, what changed, what was wrong",
}

#: Streams that meet in one model before they become a table.
STREAMS_OF = {"int_oura__tags": ("enhanced_tag", "tag")}

INTRODUCTION = """\
<!-- Do not edit: `python transform/scripts/generate_dictionary.py` writes it. -->
# Data dictionary

Every table and view that dbt makes in the schema `healthhub`, from the contracts in
`transform/models/healthhub`. The same descriptions are comments in the database
(`\\d+ healthhub.daily_overview`). `healthhub.users` and `healthhub.job_runs` are made
by migrations, and are described in `orchestrate/healthhub/migrations`.

*Oura's field* is the field of the document that the column is read from, where it is
one. *Required* columns are never NULL. The notes in Japanese are those of the original
design.
"""

Yaml = dict[str, Any]


def dictionary() -> str:
    """The whole file."""
    streams = stream_fields()
    parts = [INTRODUCTION]
    contents = []
    for folder, title in FOLDERS.items():
        tables = contracts(folder)
        links = ", ".join(f"[{t['name']}](#{t['name']})" for t in tables)
        contents.append(f"- {title}: {links}")
        parts.append(f"## {title}\n")
        parts += [section(table, folder, streams) for table in tables]
    parts.insert(1, "\n".join(contents) + "\n")
    return "\n".join(parts)


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


def section(table: Yaml, folder: str, streams: dict[str, set[str]]) -> str:
    """A table with its columns."""
    name = table["name"]
    read = streams_of(name, folder)
    fields = set().union(*(streams[stream] for stream in read))
    facts = [table["description"]]
    if key := primary_key(table):
        facts.append(f"Key: {key}.")
    if read:
        facts.append(f"From {' and '.join(f'`{stream}`' for stream in read)}.")
    lines = [
        f"### {name}\n",
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


if __name__ == "__main__":
    DICTIONARY.write_text(dictionary(), encoding="utf-8")
