"""What the sandbox serves, held against Oura's own OpenAPI file."""

from __future__ import annotations

import os
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from msgspec import json

from oura_sandbox.person import Person
from oura_sandbox.person.info import personal_info
from oura_sandbox.routes import DOCUMENTS, PERSONAL_INFO, SERIES

FILE = os.environ.get("OURA_OPENAPI_FILE")
pytestmark = pytest.mark.skipif(
    FILE is None, reason="OURA_OPENAPI_FILE does not name Oura's OpenAPI file"
)
TODAY = date(2026, 11, 24)
YEAR = [TODAY - timedelta(days=days) for days in range(0, 250, 5)]
# Where the live API does not do what its specification says.
DEVIATIONS = {
    ("sleep", "bedtime_end"),
    ("daily_spo2", "spo2_percentage"),
}


@pytest.fixture(scope="module")
def spec() -> dict[str, Any]:
    assert FILE
    content: dict[str, Any] = json.decode(Path(FILE).read_bytes())
    return content


@pytest.fixture(scope="module", params=[1, 2])
def person(request: pytest.FixtureRequest) -> Person:
    return Person(1, request.param, TODAY)


def item_schema(spec: dict[str, Any], route: str) -> str:
    get = spec["paths"][f"/v2/usercollection/{route}"]["get"]
    schema = get["responses"]["200"]["content"]["application/json"]["schema"]
    name = schema.get("anyOf", [schema])[0]["$ref"].rpartition("/")[2]
    if route != PERSONAL_INFO:
        envelope = spec["components"]["schemas"][name]
        items = envelope["properties"]["data"]["items"]
        name = items["$ref"].rpartition("/")[2]
    return str(name)


def check(spec: dict[str, Any], route: str, documents: list[dict[str, Any]]) -> None:
    name = item_schema(spec, route)
    known = spec["components"]["schemas"][name]["properties"].keys()
    schema = {"components": spec["components"], "$ref": f"#/components/schemas/{name}"}
    validator = Draft202012Validator(schema)
    assert documents
    for document in documents:
        assert document.keys() == known
        for error in validator.iter_errors(document):
            assert (route, error.absolute_path[0]) in DEVIATIONS, error.message


@pytest.mark.parametrize("route", sorted(DOCUMENTS))
def test_documents_are_valid(spec: dict[str, Any], person: Person, route: str) -> None:
    first = date(2016, 1, 1)
    rare = not DOCUMENTS[route].dated or route == "rest_mode_period"
    days = [first + timedelta(days=each) for each in range(3980)] if rare else YEAR
    build = DOCUMENTS[route].documents
    check(spec, route, [each for day in days for each in build(person, day)])


@pytest.mark.parametrize("route", sorted(SERIES))
def test_samples_are_valid(spec: dict[str, Any], person: Person, route: str) -> None:
    rows = SERIES[route].build(person, date(2026, 11, 20))
    check(spec, route, [json.decode(row) for _, row in rows])


def test_personal_info_is_valid(spec: dict[str, Any], person: Person) -> None:
    check(spec, PERSONAL_INFO, [personal_info(person)])


def test_all_routes_of_the_specification_are_served(spec: dict[str, Any]) -> None:
    prefix = "/v2/usercollection/"
    paths = {path.removeprefix(prefix) for path in spec["paths"] if prefix in path}
    paths = {path for path in paths if not path.startswith("/v2")}
    served = {*DOCUMENTS, *SERIES, PERSONAL_INFO}
    assert paths == served | {f"{route}/{{document_id}}" for route in DOCUMENTS}
