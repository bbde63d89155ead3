"""What each plugin is told, by Meltano itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

PROJECT = Path(__file__).parents[2]
PG = {"PGHOST": "h", "PGPORT": "1", "PGUSER": "u", "PGDATABASE": "d"}
SECRETS = {
    name: f"sesame-{name.lower()}"
    for name in (
        *("OURA_PAT", "TAP_OURA_CLIENT_SECRET", "TAP_OURA_TOKEN_KEY"),
        *("TAP_OURA_REFRESH_TOKEN", "TAP_OURA_TOKEN_STORE"),
        *("PGPASSWORD", "SUPABASE_DB_URL", "ALERT_URLS"),
    )
}
PLUGINS = {
    plugin["name"]: (kind, plugin["executable"])
    for kind, plugins in yaml.safe_load((PROJECT / "meltano.yml").read_text())[
        "plugins"
    ].items()
    for plugin in plugins
}


@pytest.mark.parametrize("plugin", PLUGINS)
def test_a_plugin_is_told_no_secret_of_another(plugin: str, tmp_path: Path) -> None:
    kind, executable = PLUGINS[plugin]
    programs = tmp_path / kind / plugin / "venv" / "bin"
    programs.mkdir(parents=True)
    (programs / "python").symlink_to(sys.executable)
    program = programs / executable
    program.write_text("#!/bin/sh\nenv\n")
    program.chmod(0o755)
    told = subprocess.run(
        [
            Path(sys.executable).with_name("meltano"),
            "invoke",
            "--no-install",
            plugin,
            "x",
        ],
        cwd=PROJECT,
        env=os.environ
        | PG
        | SECRETS
        | {
            "MELTANO_SYS_DIR_ROOT": str(tmp_path),
            "MELTANO_DATABASE_URI": f"sqlite:///{tmp_path}/state.db",
        },
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    if plugin == "dbt-postgres":
        # Its record of a run quotes the rows that it could not store.
        assert "DBT_WRITE_JSON=false" in told.splitlines()
    seen = {name for name, secret in SECRETS.items() if secret in told}
    others = {"SUPABASE_DB_URL", "ALERT_URLS"}
    mine = {name for name in SECRETS if name.startswith(("TAP_", "OURA_"))}
    assert seen == (mine if plugin == "tap-oura" else set(SECRETS) - mine - others)


def test_a_loader_is_not_told_the_secrets_of_its_extractor(tmp_path: Path) -> None:
    told = tmp_path / "told"
    for plugin in ("tap-oura", "target-postgres"):
        kind, executable = PLUGINS[plugin]
        programs = tmp_path / kind / plugin / "venv" / "bin"
        programs.mkdir(parents=True)
        (programs / "python").symlink_to(sys.executable)
        program = programs / executable
        catalogue = "echo '{\"streams\": []}'"
        wanted = f"env > {told}" if plugin == "target-postgres" else catalogue
        program.write_text(f"#!/bin/sh\n{wanted}\n")
        program.chmod(0o755)
    subprocess.run(
        [
            Path(sys.executable).with_name("meltano"),
            "run",
            "--no-install",
            "tap-oura",
            "target-postgres",
        ],
        cwd=PROJECT,
        env=os.environ
        | PG
        | SECRETS
        | {
            "TAP_OURA_USERS": '[{"user_id": "x", "access_token": "sesame-users"}]',
            "MELTANO_SYS_DIR_ROOT": str(tmp_path),
            "MELTANO_DATABASE_URI": f"sqlite:///{tmp_path}/state.db",
        },
        check=False,
        capture_output=True,
    )
    seen = {line for line in told.read_text().splitlines() if "sesame" in line}
    assert {line.partition("=")[2] for line in seen} == {SECRETS["PGPASSWORD"]}
