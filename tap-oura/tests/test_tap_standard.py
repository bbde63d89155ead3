"""The SDK's own tests of a tap."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests_mock as rm
from singer_sdk.testing import SuiteConfig, get_tap_test_class

from fake_oura import USER_ID, FakeOura, example
from tap_oura.tap import TapOura

if TYPE_CHECKING:
    from collections.abc import Iterator

DAY = "2026-03-09"


@pytest.fixture(scope="module", autouse=True)
def a_full_day() -> Iterator[None]:
    """A document of every route, with a new field, and one that it displaces."""
    with rm.Mocker() as mocker:
        oura = FakeOura(mocker)
        for name, stream in TapOura(config={}, validate_config=False).streams.items():
            document = example(stream.schema)
            route = "vO2_max" if name == "vo2_max" else name
            document["a_new_field"] = 1
            oura.documents[route] = [document]
            if "displaced" in document:
                oura.documents[route].insert(0, document | {"id": "another"})
        yield


StandardTests = get_tap_test_class(
    TapOura,
    config={"access_token": "secret-token", "user_id": USER_ID, "start_date": DAY},
    suite_config=SuiteConfig(max_records_limit=10),
)


class TestTapOura(StandardTests):  # type: ignore[misc, valid-type]
    """All of them."""
