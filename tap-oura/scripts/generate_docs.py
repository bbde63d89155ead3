"""Write what other people read of the tap from its own settings.

    python scripts/generate_docs.py

plugin.yaml is the definition for Meltano Hub, and README.md gets its tables.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import yaml

from tap_oura.streams import STREAMS
from tap_oura.tap import TapOura

FOLDER = Path(__file__).parent.parent
PLUGIN = FOLDER / "plugin.yaml"
README = FOLDER / "README.md"

Setting = dict[str, Any]

REPOSITORY = "https://github.com/healthhub/healthhub"


def settings() -> dict[str, Setting]:
    """The tap's own settings, without those that every SDK tap has."""
    properties: dict[str, Setting] = TapOura.config_jsonschema["properties"]
    return {name: s for name, s in properties.items() if "title" in s and _is_own(name)}


def settings_of_the_sdk() -> dict[str, Setting]:
    """Those that go with the tap's capabilities."""
    schema: dict[str, Any] = {"properties": {}}
    TapOura.append_builtin_config(schema)
    properties: dict[str, Setting] = schema["properties"]
    return {
        name: s
        for name, s in properties.items()
        if name.startswith(("stream_map", "flattening_"))
    }


def _is_own(name: str) -> bool:
    return not name.startswith(("stream_map", "flattening_", "faker_"))


def hub_setting(name: str, setting: Setting) -> Setting:
    """A setting as the Hub describes it."""
    result = {
        "name": name,
        "label": setting["title"],
        "description": setting["description"],
    }
    result["kind"] = kind(setting)
    if "enum" in setting:
        result["options"] = [
            {"label": value.title(), "value": value}
            for value in setting["enum"]
            if value
        ]
    if setting.get("secret"):
        result["sensitive"] = True
    if "default" in setting:
        result["value"] = setting["default"]
    return result


def kind(setting: Setting) -> str:
    """How Meltano Hub calls the type of a setting."""
    json_type: str = setting["type"][0]
    if json_type != "string":
        return json_type
    if setting.get("secret"):
        return "password"
    if setting.get("format") == "date":
        return "date_iso8601"
    return "options" if "enum" in setting else "string"


def plugin() -> dict[str, Any]:
    """The definition for Meltano Hub."""
    return {
        "name": "tap-oura",
        "variant": "healthhub",
        "namespace": "tap_oura",
        "label": "Oura",
        "description": "Sleep, readiness, activity and all else of the Oura Ring",
        "logo_url": "/assets/logos/extractors/oura.png",  # the Hub has it
        "domain_url": "https://cloud.ouraring.com/v2/docs",
        "docs": f"{REPOSITORY}/tree/main/tap-oura#readme",
        "repo": REPOSITORY,
        # `tap-oura[postgres]` once it is on PyPI.
        "pip_url": f"tap-oura[postgres]@git+{REPOSITORY}.git#subdirectory=tap-oura",
        "executable": "tap-oura",
        "capabilities": sorted(c.value for c in TapOura.capabilities),
        "keywords": ["api", "meltano_sdk"],
        "maintenance_status": "active",
        "quality": "unknown",  # the Hub's own rating
        "supported_python_versions": supported_python_versions(),
        "settings_group_validation": [
            ["access_token"],
            ["client_id", "client_secret", "token_store", "token_key"],
        ],
        "settings": [
            hub_setting(name, setting)
            for name, setting in (settings() | settings_of_the_sdk()).items()
        ],
        "commands": {
            "auth": {
                "executable": "tap-oura-auth",
                "args": "",
                "description": "Log users in and out.",
            },
        },
    }


def supported_python_versions() -> list[str]:
    """As the package says."""
    project = tomllib.loads((FOLDER / "pyproject.toml").read_text(encoding="utf-8"))
    classifiers = project["project"]["classifiers"]
    return [line.rpartition(" :: ")[2] for line in classifiers]


def settings_table() -> str:
    """The settings, as README.md shows them."""
    rows = ["| Setting | Secret | Default | Description |", "|---|---|---|---|"]
    rows += [
        f"| `{name}` | {'yes' if s.get('secret') else ''} "
        f"| {_code(s.get('default'))} | {s['description']} |"
        for name, s in settings().items()
    ]
    return "\n".join(rows)


def streams_table() -> str:
    """The streams, as README.md shows them."""
    rows = [
        "| Stream | Primary key | Replication key | Scope | |",
        "|---|---|---|---|---|",
    ]
    rows += [
        f"| `{each.name}` | {', '.join(f'`{key}`' for key in each.primary_keys)} "
        f"| {_code(each.replication_key)} | `{each.scope}` | {each.__doc__} |"
        for each in STREAMS
    ]
    return "\n".join(rows)


def readme(text: str) -> str:
    """README.md with its tables made anew."""
    for name, table in (("settings", settings_table()), ("streams", streams_table())):
        begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
        before, _, rest = text.partition(begin)
        after = rest.partition(end)[2]
        text = f"{before}{begin}{table}\n{end}{after}"
    return text


def definition() -> str:
    """plugin.yaml."""
    return yaml.safe_dump(plugin(), sort_keys=False, allow_unicode=True, width=72)


def _code(value: object) -> str:
    return "" if value is None else f"`{value}`"


if __name__ == "__main__":
    PLUGIN.write_text(definition(), encoding="utf-8")
    README.write_text(readme(README.read_text(encoding="utf-8")), encoding="utf-8")
