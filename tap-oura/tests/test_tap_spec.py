"""The committed schemas against Oura's own OpenAPI file, where it is at hand."""

from __future__ import annotations

import json
import os
import runpy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tap_oura.oauth import SCOPES, Endpoints
from tap_oura.streams import STREAMS
from tap_oura.tap import TapOura
from tap_oura.windows import FIRST_DAY, Window

if TYPE_CHECKING:
    from tap_oura.client import OuraStream

SPEC_FILE = os.environ.get("OURA_OPENAPI_FILE")
GENERATOR = Path(__file__).parent.parent / "scripts" / "generate_schemas.py"

pytestmark = pytest.mark.skipif(
    not SPEC_FILE, reason="OURA_OPENAPI_FILE does not name Oura's OpenAPI file"
)


@pytest.fixture(scope="module")
def spec() -> dict[str, Any]:
    assert SPEC_FILE is not None
    document: dict[str, Any] = json.loads(Path(SPEC_FILE).read_text())
    return document


def test_streams_are_the_routes_of_the_spec(spec: dict[str, Any]) -> None:
    prefix = "/v2/usercollection/"
    routes = {p.removeprefix(prefix) for p in spec["paths"] if p.startswith(prefix)}
    assert {each.address() for each in STREAMS} == {r for r in routes if "{" not in r}


def test_all_scopes_of_the_spec_are_requested(spec: dict[str, Any]) -> None:
    """It calls `spo2` by its old name, and lacks two that the live API enforces."""
    flows = spec["components"]["securitySchemes"]["OAuth2"]["flows"]
    named = {scope for flow in flows.values() for scope in flow["scopes"]}
    assert {"spo2" if s == "spo2Daily" else s for s in named} <= set(SCOPES)
    assert {each.scope for each in STREAMS} <= set(SCOPES)
    for flow in flows.values():
        assert flow["authorizationUrl"] == Endpoints().authorize
        assert flow["tokenUrl"] in Endpoints().tokens


@pytest.mark.parametrize("kind", STREAMS, ids=lambda kind: kind.name)
def test_schema_is_what_the_spec_says(
    spec: dict[str, Any], kind: type[OuraStream]
) -> None:
    generator = runpy.run_path(str(GENERATOR))
    generated = generator["stream_schema"](spec, kind.address(), kind.primary_keys)
    committed = generator["SCHEMAS"] / f"{kind.name}.json"
    assert json.loads(committed.read_text()) == generated


@pytest.mark.parametrize("kind", STREAMS, ids=lambda kind: kind.name)
def test_query_names_are_those_of_the_spec(
    spec: dict[str, Any], kind: type[OuraStream]
) -> None:
    operation = spec["paths"][f"/v2/usercollection/{kind.address()}"]["get"]
    names = {p["name"] for p in operation.get("parameters", []) if p["in"] == "query"}
    tap = TapOura(config={}, validate_config=False)
    asked = kind(tap, tap.run).window_params(Window(FIRST_DAY, FIRST_DAY))
    assert asked.keys() <= names
    assert ("start_date" in names) == ("start_date" in asked)
    assert ("start_datetime" in names) == ("start_datetime" in asked)
