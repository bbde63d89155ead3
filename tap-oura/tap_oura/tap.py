"""The tap: its settings, its streams, and how a run ends."""

from __future__ import annotations

import atexit
import gc
import logging
import sys
from contextlib import suppress
from functools import cached_property
from typing import IO, TYPE_CHECKING, Any, ClassVar, cast

from singer_sdk import Stream, Tap
from singer_sdk.exceptions import MappingError
from singer_sdk.helpers.capabilities import (
    CapabilitiesEnum,
    PluginCapabilities,
    TapCapabilities,
)
from singer_sdk.plugin_base import SingerCommand
from singer_sdk.tap_base import CliTestOptionValue
from typing_extensions import override

from tap_oura import settings
from tap_oura.client import OuraStream
from tap_oura.errors import OuraError, Outcome, SettingError
from tap_oura.output import Writer
from tap_oura.prefetch import Job
from tap_oura.run import Phase, Run
from tap_oura.state import OWN_SHARE, of_share, plausible
from tap_oura.stopping import StoppedError
from tap_oura.streams import STREAMS, SyncWindowsStream

if TYPE_CHECKING:
    from collections.abc import Iterator

    import click


class Command(SingerCommand):
    """The SDK's command; what goes wrong is one sentence and exit code 1."""

    @override
    def main(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().main(*args, **kwargs)
        except OuraError as error:
            TapOura.tell(error)
        except MappingError as error:
            TapOura.tell(SettingError(f"`stream_maps` cannot be used. {error}"))
        sys.exit(1)


class TapOura(Tap):
    """Singer tap for the Oura API v2."""

    name = "tap-oura"
    message_writer_class = Writer
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

    @cached_property
    def run(self) -> Run:
        """What the streams share."""
        return Run(self.config, self._jobs)

    @override
    def load_state(self, state: dict[str, Any]) -> None:
        state = plausible(state, self.run.today)
        if shard := state.get(OWN_SHARE):
            state = of_share(state, self.config.get("shard"))
            cast("dict[str, Any]", self.state)[OWN_SHARE] = shard
        super().load_state(state)

    @property
    @override
    def state_writer(self) -> Writer:  # type: ignore[override]
        """The writer of messages: of the SDK's type, only `write_state` is called."""
        return cast("Writer", self.message_writer)

    # Streams

    @override
    def discover_streams(self) -> list[Stream]:
        streams = [each(self, self.run) for each in STREAMS]
        return [*streams, SyncWindowsStream(self, self.run)]

    @property
    @override
    def streams(self) -> dict[str, Stream]:
        """The streams in the order in which they are read."""
        found = super().streams.values()
        return {stream.name: stream for stream in sorted(found, key=_phase)}

    @property
    def _routes(self) -> list[OuraStream]:
        """The streams of Oura's routes: all but `sync_windows`."""
        return [each for each in self.streams.values() if isinstance(each, OuraStream)]

    def _jobs(self, phase: Phase) -> Iterator[Job]:
        for stream in self._routes:
            if stream.phase is phase and stream.selected:
                for user in self.run.users.values():
                    for window in stream.windows(user):
                        yield Job(stream, user, window)

    # A run

    def read_all(self) -> None:
        """Read everything that is selected, and say how it went."""
        run = self.run
        _ = run.period  # wrong dates are said before anything is asked
        run.ledger.carry_over(self.state)
        try:
            with run.stop.listening():
                with run.stop.waiting():
                    users = run.users
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
        for stream in self._routes:
            stream.report_oddities()
        causes: dict[tuple[str, Outcome, str | None], OuraError] = {}
        for user, failure in self.run.ledger.failures:
            cause = (user.user_id, failure.outcome, failure.detail)
            causes.setdefault(cause, failure)
        for failure in causes.values():
            self.tell(failure, self._left_empty(failure))
        if any(f.outcome is not Outcome.MISSING_SCOPE for f in causes.values()):
            sys.exit(1)

    @classmethod
    def tell(cls, failure: OuraError, more: str = "") -> None:
        """Say what failed: a sentence to read, and its kind for programs."""
        is_choice = failure.outcome is Outcome.MISSING_SCOPE
        level = logging.WARNING if is_choice else logging.ERROR
        cls.logger.log(level, "%s%s", failure, more, extra={"outcome": failure.outcome})

    def _left_empty(self, failure: OuraError) -> str:
        """What a scope that was not granted leaves empty, of what is selected."""
        if failure.outcome is not Outcome.MISSING_SCOPE:
            return ""
        names = [
            stream.name
            for stream in self._routes
            if stream.scope == failure.detail and stream.selected
        ]
        return f" Empty until then: {', '.join(names)}." if names else ""

    # The command

    @classmethod
    @override
    def invoke(  # type: ignore[override]
        cls,
        *,
        about: bool = False,
        about_format: str | None = None,
        config: Any = None,
        state: IO[str] | None = None,
        catalog: IO[str] | None = None,
    ) -> None:
        if about:
            cls.print_about(about_format)
            return
        # No garbage collection at exit: it would take a fifth of a short run.
        atexit.register(gc.freeze)
        with settings.readable():
            tap = cls(
                config=config.config,
                parse_env_config=config.parse_env,
                state=settings.read_object("--state", state) if state else None,
                catalog=settings.read_object("--catalog", catalog) if catalog else None,
            )
        tap.read_all()

    @classmethod
    @override
    def cb_config(
        cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]
    ) -> Any:
        try:
            return super().cb_config(ctx, param, value)
        except (OSError, ValueError, TypeError):
            raise SettingError(
                f"`--config` does not name a JSON file of settings: {', '.join(value)}."
            ) from None

    @classmethod
    @override
    def cb_test(cls, ctx: click.Context, param: click.Option, value: str) -> None:
        if value != CliTestOptionValue.All.value:
            super().cb_test(ctx, param, value)
            return
        config = ctx.params["config"]
        with settings.readable():
            tap = cls(config=config.config, parse_env_config=config.parse_env)
        if tap.run.users:  # who they are is asked before any stream is read
            tap.run_connection_test()
        tap.conclude()
        ctx.exit()

    @classmethod
    @override
    def get_singer_command(cls) -> click.Command:
        command = super().get_singer_command()
        return Command(
            command.name,
            callback=command.callback,
            context_settings=command.context_settings,
            help=command.help,
            params=command.params,
            logger=cls.logger,
        )

    @override
    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        """As the SDK does, but in words that show no value: it may be a secret."""
        errors = super()._validate_config(raise_errors=False)
        if errors and raise_errors:
            raise SettingError(" ".join(settings.problems(dict(self.config))))
        return errors

    @override
    def _setup_signal_handlers(self) -> None:
        """No handlers: a run has its own."""


def _phase(stream: Stream) -> Phase:
    return stream.phase if isinstance(stream, OuraStream) else Phase.SYNC_WINDOWS
