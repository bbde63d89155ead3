"""What the streams of a run share: the day it is, the users, and the way to Oura."""

from __future__ import annotations

from datetime import UTC, date, datetime
from enum import IntEnum
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import msgspec

from tap_oura.api import OuraApi, Request, as_document
from tap_oura.errors import OuraError
from tap_oura.json_parts import UNDECODABLE
from tap_oura.ledger import Ledger
from tap_oura.prefetch import Prefetcher
from tap_oura.stopping import Stop
from tap_oura.users import User, derived_user_id, users_from_config
from tap_oura.windows import ONE_DAY, Period

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tap_oura.prefetch import Job


class Phase(IntEnum):
    """The order in which streams are read."""

    DOCUMENTS = 1
    SAMPLES = 2  # where they begin, the documents say
    SYNC_WINDOWS = 3


class PersonalInfo(msgspec.Struct):
    """What is needed of `personal_info` to know whose token it is."""

    id: str


class Run:
    """What the streams of a run share.

    Attributes:
        today: The day it is in UTC; it stays the same until the run ends.
        ledger: What was asked.
        stop: Ends the run when it is told to.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        jobs: Callable[[Phase], Iterator[Job]] = lambda _: iter(()),
    ) -> None:
        """Prepare a run; nothing is read or asked yet.

        Args:
            config: The settings, complete with their defaults.
            jobs: What the streams of a phase will take, in order.
        """
        self.today: date = datetime.now(UTC).date()
        self.ledger = Ledger()
        self.stop = Stop()
        self._config = config
        self._jobs = jobs

    @property
    def tomorrow(self) -> date:
        """The day after, which it already is for users far to the east."""
        return self.today + ONE_DAY

    @cached_property
    def period(self) -> Period:
        """The days that the settings ask for."""
        return Period.from_config(self._config)

    @cached_property
    def api(self) -> OuraApi:
        """The HTTP side of the API."""
        return OuraApi(
            url=self._config["api_url"],
            user_agent=self._config.get("user_agent")
            or f"tap-oura/{version('tap-oura')}",
            max_tries=self._config["max_tries"],
        )

    @cached_property
    def users(self) -> dict[str, User]:
        """The users to read, by `user_id`."""
        users = users_from_config(self._config)
        for user in users:
            user.user_id = user.user_id or self.find_user_id(user)
        return {user.user_id: user for user in users}

    def find_user_id(self, user: User) -> str:
        """The UUID of a user that has none yet, by Oura's own id of it.

        Oura tells that to every token, whatever its scopes (OpenAPI, personal_info).

        Raises:
            OuraError: Oura does not say.
        """
        content = self.api.get(Request("personal_info"), user, as_document)
        try:
            info = msgspec.json.decode(content, type=PersonalInfo)
        except UNDECODABLE:
            raise OuraError(
                "Oura does not say whose token this is: set `user_id`, a UUID of your "
                "choice."
            ) from None
        return derived_user_id(info.id)

    @cached_property
    def prefetchers(self) -> dict[Phase, Prefetcher]:
        """Read ahead what the streams of each phase are going to take."""
        concurrency = self._config["concurrency"]
        return {
            phase: Prefetcher(self._jobs(phase), concurrency, self.stop)
            for phase in Phase
        }
