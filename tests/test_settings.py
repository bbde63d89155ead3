"""Each setting is in the code, meltano.yml, .env.example and the README, the same."""

from __future__ import annotations

import re
import runpy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from healthhub.masking import is_secret
from healthhub.settings import Settings

PROJECT = Path(__file__).parents[1]

#: The design's name for the tap's `access_token`.
ALIASES = {"TAP_OURA_ACCESS_TOKEN": "OURA_PAT"}

#: The tables need one value of it, which meltano.yml sets: nobody has a choice here.
FIXED = {"TAP_OURA_SAMPLE_GRAIN"}

hub = runpy.run_path(str(PROJECT / "tap-oura/scripts/generate_docs.py"))


@dataclass(frozen=True)
class Setting:
    """A setting, as a row of the README."""

    variable: str
    title: str
    description: str
    default: str
    is_secret: bool

    def __str__(self) -> str:
        secret = "yes" if self.is_secret else ""
        default = f"`{self.default}`" if self.default else ""
        cells = (f"`{self.variable}`", secret, default, self.description)
        return f"| {' | '.join(cells)} |".replace("|  |", "| |").replace("|  |", "| |")


def settings() -> list[Setting]:
    """All of them: of the command first, then of the tap."""
    own = [
        Setting(
            variable=name.upper(),
            title=str(field.title),
            description=str(field.description),
            default="" if field.default is None else str(field.default),
            is_secret="Secret" in str(field.annotation),
        )
        for name, field in Settings.model_fields.items()
    ]
    seen = {setting.variable for setting in own}
    tap = []
    for name, schema in hub["settings"]().items():
        variable = f"TAP_OURA_{name.upper()}"
        variable = ALIASES.get(variable, variable)
        if variable not in seen | FIXED:
            tap.append(
                Setting(
                    variable=variable,
                    title=schema["title"],
                    description=schema["description"],
                    default=str(schema.get("default", "")),
                    is_secret=bool(schema.get("secret")),
                )
            )
    return own + tap


def test_every_setting_has_a_title_and_a_description() -> None:
    for setting in settings():
        assert setting.title, setting.variable
        assert setting.description.endswith("."), setting.variable


def test_meltano_yml_describes_the_settings_of_the_tap() -> None:
    project = yaml.safe_load((PROJECT / "meltano.yml").read_text())
    (tap,) = project["plugins"]["extractors"]
    described: dict[str, Any] = {s["name"]: s for s in tap["settings"]}
    for name, schema in hub["settings"]().items():
        wanted = hub["hub_setting"](name, schema)
        if wanted["kind"] not in {"array", "boolean", "integer"}:
            # Of kinds of text, Meltano's command line makes nothing.
            wanted = {k: v for k, v in wanted.items() if k not in {"kind", "options"}}
        found = {k: v for k, v in described.pop(name).items() if k in wanted}
        assert found == wanted
    assert described == {}


def test_loader_and_transformation_are_told_no_secret_of_the_tap() -> None:
    project = yaml.safe_load((PROJECT / "meltano.yml").read_text())["plugins"]
    secrets = {setting.variable for setting in settings() if setting.is_secret}
    for plugin in (*project["loaders"], *project["utilities"]):
        assert secrets <= {name for name, value in plugin["env"].items() if not value}
    (tap,) = project["extractors"]
    assert tap["env"] == {"SUPABASE_DB_URL": "", "PGPASSWORD": "", "ALERT_URLS": ""}
    assert all(is_secret(name) for name in secrets)


def test_env_example_has_every_setting() -> None:
    text = (PROJECT / ".env.example").read_text()
    listed = dict(re.findall(r"^#?([A-Z_]+)=(.*)$", text, flags=re.MULTILINE))
    assert set(listed) == {setting.variable for setting in settings()}
    for setting in settings():
        if setting.default:
            assert listed[setting.variable] == setting.default, setting.variable


def test_readmes_list_every_setting() -> None:
    for name in ("README.md", "README.ja.md"):
        text = (PROJECT / name).read_text()
        listed = set(re.findall(r"^\| `([A-Z_]+)` \|", text, flags=re.MULTILINE))
        assert listed == {setting.variable for setting in settings()}, name
    english = (PROJECT / "README.md").read_text()
    for setting in settings():
        assert str(setting) in english, setting
