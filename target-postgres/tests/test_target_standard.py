"""The SDK's own tests of a target."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from singer_sdk.testing import get_target_test_class
from singer_sdk.testing.runners import TargetTestRunner

from singer_loading import config
from target_postgres_on_conflict.target import TargetPostgresOnConflict

if TYPE_CHECKING:
    from collections.abc import Iterator

StandardTests = get_target_test_class(TargetPostgresOnConflict)


@pytest.mark.usefixtures("connection")
@pytest.mark.parametrize("use_copy", [True, False], ids=["copy", "insert"])
class TestTarget(StandardTests):  # type: ignore[misc, valid-type]
    """All of them."""

    @pytest.fixture
    def runner(self, server: str, *, use_copy: bool) -> Iterator[TargetTestRunner]:
        """As the SDK's own, on this database; and it closes its file."""
        settings = config(server, use_copy=use_copy, sanitize_null_text_characters=True)
        runner = TargetTestRunner(TargetPostgresOnConflict, settings)
        yield runner
        if runner.input_filepath:
            runner.target_input.close()
