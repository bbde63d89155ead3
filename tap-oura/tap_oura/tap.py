"""The tap: its settings, its streams, and how a run ends."""

from __future__ import annotations

import logging
import sys
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import IO, TYPE_CHECKING, Any, ClassVar, Self

import msgspec
from singer_sdk import Stream, Tap
from singer_sdk.exceptions import ConfigValidationError, MappingError
from singer_sdk.helpers.capabilities import (
    CapabilitiesEnum,
    PluginCapabilities,
    TapCapabilities,
)
from singer_sdk.plugin_base import _ConfigInput
from singer_sdk.streams.rest import HTTPRequest
from singer_sdk.tap_base import CliTestOptionValue
from typing_extensions import override

from tap_oura import settings
from tap_oura.api import OuraApi
from tap_oura.client import OuraStream
from tap_oura.errors import OuraError, Outcome, SettingError, UnavailableError
from tap_oura.json_parts import UNDECODABLE
from tap_oura.ledger import PENDING, Ledger
from tap_oura.output import BufferedWriter, StateBudget
from tap_oura.prefetch import Job, Prefetcher
from tap_oura.stopping import Stop, StoppedError
from tap_oura.streams import ROUTES, DailyActivityStream
from tap_oura.sync_windows import SyncWindowsStream
from tap_oura.users import User, derived_user_id, users_from_config
from tap_oura.windows import Period

if TYPE_CHECKING:
    from collections.abc import Iterator

    import click


class Person(msgspec.Struct):
    """What is needed of `personal_info` to know whose token it is."""

    id: str


class TapOura(Tap):
    """Singer tap for the Oura API v2."""

    name = "tap-oura"
    message_writer_class = BufferedWriter
    # No BATCH: bookmarks move by window, and would be ahead of a batch file that is
    # not written yet. No ACTIVATE_VERSION: it would delete what was asked before.
    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        TapCapabilities.CATALOG,
        TapCapabilities.STATE,
        TapCapabilities.DISCOVER,
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.FLATTENING,
        PluginCapabilities.STRUCTURED_LOGGING,
    ]

    config_jsonschema = settings.SCHEMA

    def __init__(self, **kwargs: Any) -> None:  # noqa: ANN401
        """Create the tap; the day it is stays the same until the run ends."""
        self.today: date = datetime.now(UTC).date()
        self.ledger = Ledger()
        self.state_budget = StateBudget()
        self.stop = Stop()
        super().__init__(**kwargs)

    @property
    def tomorrow(self) -> date:
        """The day after, which it already is for users far to the east."""
        return self.today + timedelta(days=1)

    # Streams

    @override
    def discover_streams(self) -> list[Stream]:
        return [route(self) for route in ROUTES] + [SyncWindowsStream(self)]

    @property
    @override
    def streams(self) -> dict[str, Stream]:
        """The streams by name: what follows from others after those."""
        found = super().streams
        return dict(sorted(found.items(), key=lambda item: _turn(item[1])))

    # What the streams share

    @cached_property
    def period(self) -> Period:
        """The days that the settings ask for."""
        return Period.from_config(self.config)

    @cached_property
    def api(self) -> OuraApi:
        """The HTTP side of the API."""
        user_agent = self.config.get("user_agent")
        return OuraApi(
            logger=self.logger,
            user_agent=user_agent or f"{self.name}/{self.plugin_version}",
            max_tries=self.config["max_tries"],
        )

    @cached_property
    def users(self) -> list[User]:
        """The users to read, each with its `user_id`."""
        users = users_from_config(self.config)
        for user in users:
            if not user.user_id:
                user.user_id = self.find_user_id(user)
        return users

    def user(self, user_id: str) -> User:
        """The user of a partition."""
        return next(a for a in self.users if a.user_id == user_id)

    def find_user_id(self, user: User) -> str:
        """The UUID of a user that has none yet, by Oura's own id of it.

        Oura tells that to every token, whatever its scopes (OpenAPI, personal_info).
        """
        request = HTTPRequest(
            url=f"{self.config['api_url'].rstrip('/')}/v2/usercollection/personal_info"
        )
        document = self.api.get_document(request, user)
        try:
            person = msgspec.json.decode(document, type=Person)
        except UNDECODABLE:
            raise UnavailableError(
                "Oura does not say whose token this is: set `user_id`, a UUID of your "
                "choice."
            ) from None
        return derived_user_id(person.id)

    @cached_property
    def prefetchers(self) -> dict[bool, Prefetcher]:
        """Read ahead what the streams are going to take, by `follows_documents`."""
        concurrency = self.config["concurrency"]
        return {
            turn: Prefetcher(self._jobs(turn), concurrency, self.stop)
            for turn in (False, True)
        }

    def _jobs(self, turn: bool) -> Iterator[Job]:  # noqa: FBT001
        for stream in self.streams.values():
            if _turn(stream) == turn and stream.selected:
                assert isinstance(stream, OuraStream)  # noqa: S101
                for user in self.users:
                    for window in stream.windows(user):
                        yield Job(stream, user, window)

    @cached_property
    def first_days(self) -> dict[str, date]:
        """The first day of any document, by user, once documents have been read.

        Whoever wears a ring has a document of activity each day. Where that route was
        not read, the days of the others say little, and are not here.
        """
        days: dict[str, dict[str, str]] = {}
        for stream, state in self.state.get("bookmarks", {}).items():
            for partition in state.get("partitions", []):
                if day := partition.get("first_day"):
                    user_id = partition["context"]["user_id"]
                    days.setdefault(user_id, {})[stream] = day
        return {
            user_id: date.fromisoformat(min(found.values()))
            for user_id, found in days.items()
            if DailyActivityStream.name in found
        }

    # Windows of a run that was killed

    def recover_pending(self) -> None:
        """Put what a killed run had read on record."""
        for state in self._user_states():
            self.ledger.carry_over(state["context"]["user_id"], state.get(PENDING, []))

    def forget_pending(self, user_id: str) -> None:
        """Drop a user's windows from the state, as they are on record now."""
        for state in self._user_states():
            if state["context"]["user_id"] == user_id:
                state.pop(PENDING, None)

    def _user_states(self) -> Iterator[dict[str, Any]]:
        for stream_state in self.state.get("bookmarks", {}).values():
            yield from stream_state.get("partitions", [])

    # A run

    def run(self) -> None:
        """Read everything that is selected, and say how it went."""
        _ = self.period
        self.recover_pending()
        try:
            with self.stop.listening():
                with self.stop.waiting():
                    users = self.users
                if users:
                    self.sync_all()
        except StoppedError as stopped:
            with suppress(StoppedError):
                self.state_writer.write_state(self.state)
            self.logger.error("%s", stopped)  # noqa: TRY400
            sys.exit(stopped.exit_code)
        self.conclude()

    def conclude(self) -> None:
        """Say what was odd in this run, and end it with 1 if a user failed.

        One line a user and cause: many streams can fail for the same.
        """
        for stream in self.streams.values():
            if isinstance(stream, OuraStream):
                stream.report_oddities()
        causes: dict[tuple[str, Outcome, str | None], OuraError] = {}
        for user, failure in self.ledger.failures:
            cause = (user.user_id, failure.outcome, failure.detail)
            causes.setdefault(cause, failure)
        for failure in causes.values():
            self.tell(failure)
        if any(f.outcome is not Outcome.MISSING_SCOPE for f in causes.values()):
            sys.exit(1)

    @classmethod
    def tell(cls, failure: OuraError) -> None:
        """Say what failed: a sentence for people, and its kind for programs."""
        is_choice = failure.outcome is Outcome.MISSING_SCOPE
        level = logging.WARNING if is_choice else logging.ERROR
        cls.logger.log(level, "%s", failure, extra={"outcome": failure.outcome})

    # The command

    @classmethod
    @override
    def invoke(  # type: ignore[override]
        cls,
        *,
        about: bool = False,
        about_format: str | None = None,
        config: _ConfigInput | None = None,
        state: IO[str] | None = None,
        catalog: IO[str] | None = None,
    ) -> None:
        if about:
            cls.print_about(about_format)
            return
        with cls._one_sentence():
            tap = cls._configured(
                config,
                state=_read("--state", state) if state else None,
                catalog=_read("--catalog", catalog) if catalog else None,
            )
            tap.run()

    @classmethod
    def _configured(cls, config: _ConfigInput | None, **inputs: Any) -> Self:  # noqa: ANN401
        """The tap with the settings that a command line names."""
        config = config or _ConfigInput()
        with settings.readable():
            return cls(
                config=config.config, parse_env_config=config.parse_env, **inputs
            )

    @classmethod
    @override
    def cb_config(
        cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]
    ) -> _ConfigInput:
        with cls._one_sentence():
            try:
                return super().cb_config(ctx, param, value)
            except (OSError, ValueError, TypeError):
                raise SettingError(
                    f"`--config` names no file of settings as JSON: {', '.join(value)}."
                ) from None

    @classmethod
    @override
    def cb_test(cls, ctx: click.Context, param: click.Option, value: str) -> None:
        with cls._one_sentence():
            if value != CliTestOptionValue.All.value:
                super().cb_test(ctx, param, value)
                return
            tap = cls._configured(ctx.params.get("config"))
            tap.run_connection_test()
            tap.conclude()
        ctx.exit()

    @classmethod
    @contextmanager
    def _one_sentence(cls) -> Iterator[None]:
        """Say what cannot be read or meant, and end with exit code 1."""
        try:
            yield
        except OuraError as error:
            cls.tell(error)
            sys.exit(1)
        except MappingError as error:
            cls.tell(OuraError(f"`stream_maps` cannot be used. {error}"))
            sys.exit(1)
        except ConfigValidationError as error:
            for sentence in error.errors:
                cls.logger.error("%s", sentence, extra={"outcome": Outcome.ERROR})  # noqa: TRY400
            sys.exit(1)

    @override
    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        """As the SDK does, but in words that show no value: it may be a secret."""
        self.append_builtin_config(self.config_jsonschema)
        problems = settings.problems(self._config)
        if problems and raise_errors:
            raise ConfigValidationError(problems[0], errors=problems)
        return problems

    @override
    def _setup_signal_handlers(self) -> None:
        """None: a run has its own."""


def _turn(stream: Stream) -> int:
    """When a stream is read: documents, then samples, then what was asked."""
    return stream.follows_documents if isinstance(stream, OuraStream) else 2


def _read(option: str, file: IO[str]) -> dict[str, Any]:
    """What a file of JSON holds.

    Raises:
        SettingError: It holds something else.
    """
    try:
        return msgspec.json.decode(file.read(), type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise SettingError(f"`{option}` {file.name} is no JSON object.") from None
