"""Oura's own API description, served by somebody else's mock server (Prism)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tap_over_http import Tap, days_ago

if TYPE_CHECKING:
    from collections.abc import Iterator

PRISM = shutil.which("prism")
SPEC_FILE = os.environ.get("OURA_OPENAPI_FILE")

pytestmark = pytest.mark.skipif(
    not (PRISM and SPEC_FILE),
    reason="`prism` is not installed or OURA_OPENAPI_FILE names no API description",
)


def with_examples(spec: dict[str, Any]) -> dict[str, Any]:
    """The description with examples of what it only calls a string.

    Without them a mock server answers "string" for a day, and for the token of the
    next page for ever.
    """
    schemas = spec["components"]["schemas"]
    schemas["ISODate"]["example"] = days_ago(1)
    for name in ("LocalizedDateTime", "UtcDateTime", "LocalDateTime"):
        schemas[name]["example"] = f"{days_ago(1)}T08:00:00+00:00"
    for schema in schemas.values():
        for name, value in schema.get("properties", {}).items():
            if name == "next_token":
                schema["properties"][name] = {"type": "null"}
            if value.get("format") == "date":
                value["example"] = days_ago(1)
    return spec


@pytest.fixture(scope="module")
def prism(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    assert PRISM
    assert SPEC_FILE
    file = tmp_path_factory.mktemp("spec") / "openapi.json"
    file.write_text(json.dumps(with_examples(json.loads(Path(SPEC_FILE).read_text()))))
    command = [PRISM, "mock", "--host", "127.0.0.1", "--port", "0", str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        line = next(line for line in process.stdout if "listening on" in line)
        yield line.split("listening on ")[1].strip()
        process.terminate()


def test_it_is_read_without_an_error(prism: str, tmp_path: Path) -> None:
    assert httpx.get(f"{prism}/v2/usercollection/personal_info").status_code < 500
    output = Tap(prism, tmp_path).with_token().run(start_date=days_ago(2))
    assert output.exit_code == 0, output.stderr
    assert " WARNING " not in output.stderr
    streams = {m["stream"] for m in output.messages if m["type"] == "SCHEMA"}
    for stream in streams:
        assert output.records(stream), stream
    assert {outcome for *_, outcome in output.outcomes()} == {"ok"}
