"""The tap: its settings, its streams, and how a run ends."""

from __future__ import annotations

import json
import sys
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import IO, TYPE_CHECKING, Any, ClassVar

import msgspec
from singer_sdk import Stream, Tap
from singer_sdk import typing as th
from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.helpers.capabilities import (
    CapabilitiesEnum,
    PluginCapabilities,
    TapCapabilities,
)
from singer_sdk.streams.rest import HTTPRequest
from typing_extensions import override

from tap_oura.accounts import Account, accounts_from_config, derived_user_id
from tap_oura.api import OuraApi
from tap_oura.client import OuraStream
from tap_oura.errors import OuraError, Outcome
from tap_oura.ledger import PENDING, Ledger
from tap_oura.output import BufferedWriter, StateBudget
from tap_oura.prefetch import Job, Prefetcher
from tap_oura.streams import ROUTES
from tap_oura.sync_windows import SyncWindowsStream
from tap_oura.windows import Period

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk.plugin_base import _ConfigInput


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

    config_jsonschema = th.PropertiesList(
        th.Property(
            "access_token",
            th.StringType,
            secret=True,
            title="Access token",
            description="A token that was issued elsewhere, such as an old personal "
            "access token.",
        ),
        th.Property(
            "user_id",
            th.StringType,
            title="User id",
            description="UUID of the account in every record. Derived from Oura's own "
            "id of the account where it is left out.",
        ),
        th.Property(
            "client_id",
            th.StringType,
            title="Client id",
            description="Id of the application that you registered with Oura.",
        ),
        th.Property(
            "client_secret",
            th.StringType,
            secret=True,
            title="Client secret",
            description="Secret of that application.",
        ),
        th.Property(
            "refresh_token",
            th.StringType,
            secret=True,
            title="Refresh token",
            description="Begins the chain of tokens of `user_id`. A new one here wins "
            "over the stored chain.",
        ),
        th.Property(
            "token_store",
            th.StringType,
            secret=True,
            title="Token store",
            description="File path or database URL that keeps the logins, encrypted.",
        ),
        th.Property(
            "token_key",
            th.StringType,
            secret=True,
            title="Token key",
            description="Fernet key of the token store. Several, separated by commas: "
            "the first encrypts, all decrypt.",
        ),
        th.Property(
            "redirect_uri",
            th.StringType,
            default="http://localhost:8765/callback/",
            title="Redirect URI",
            description="Where a login comes back to, exactly as registered with Oura.",
        ),
        th.Property(
            "auth_url",
            th.StringType,
            title="Login URL",
            description="Host of the login, such as a sandbox, instead of Oura's own.",
        ),
        th.Property(
            "users",
            th.ArrayType(
                th.ObjectType(
                    th.Property("user_id", th.StringType, required=True),
                    th.Property("access_token", th.StringType, secret=True),
                    th.Property("refresh_token", th.StringType, secret=True),
                    th.Property("timezone", th.StringType),
                )
            ),
            secret=True,
            title="Users",
            description="Several accounts: a list of `user_id` with `access_token` or "
            "`refresh_token`, or with neither where the token store has a login.",
        ),
        th.Property(
            "user_filter",
            th.ArrayType(th.StringType),
            title="User filter",
            description="Read only the accounts with these `user_id`s.",
        ),
        th.Property(
            "shard",
            th.StringType,
            title="Shard",
            description="Read only a share of the accounts, such as 2/8, so that "
            "several runs can divide them.",
        ),
        th.Property(
            "start_date",
            th.DateType,
            title="Start date",
            description="First day to read. The whole history where it is left out.",
        ),
        th.Property(
            "end_date",
            th.DateType,
            title="End date",
            description="Last day to read. With a start date, exactly that range is "
            "read, whatever was read before.",
        ),
        th.Property(
            "lookback_days",
            th.IntegerType(minimum=0),
            default=7,
            title="Look-back days",
            description="Days before the bookmark that each run reads again, because "
            "Oura revises documents and delivers them late.",
        ),
        th.Property(
            "reconcile_days",
            th.IntegerType(minimum=0),
            default=30,
            title="Reconcile days",
            description="Days before the bookmark that a run reads again now and then.",
        ),
        th.Property(
            "reconcile_every_days",
            th.IntegerType(minimum=1),
            default=7,
            title="Days between reconciles",
            description="How often the larger look back is taken.",
        ),
        th.Property(
            "api_url",
            th.StringType,
            default="https://api.ouraring.com",
            title="API URL",
            description="Where the API is.",
        ),
        th.Property(
            "concurrency",
            th.IntegerType(minimum=1, maximum=64),
            default=8,
            title="Concurrency",
            description="Requests under way at the same time.",
        ),
        th.Property(
            "max_tries",
            th.IntegerType(minimum=1),
            default=5,
            title="Tries",
            description="How often a request is tried before it counts as failed.",
        ),
        th.Property(
            "user_agent",
            th.StringType,
            title="User agent",
            description="How the tap names itself to the API.",
        ),
    ).to_dict()

    def __init__(self, **kwargs: Any) -> None:  # noqa: ANN401
        """Create the tap; the day it is stays the same until the run ends."""
        self.today: date = datetime.now(UTC).date()
        self.ledger = Ledger()
        self.state_budget = StateBudget()
        super().__init__(**kwargs)

    @property
    def tomorrow(self) -> date:
        """The day after, which it already is for wearers far to the east."""
        return self.today + timedelta(days=1)

    # Streams

    @override
    def discover_streams(self) -> list[Stream]:
        return [route(self) for route in ROUTES] + [SyncWindowsStream(self)]

    @property
    @override
    def streams(self) -> dict[str, Stream]:
        """The streams by name, `sync_windows` last."""
        streams = dict(super().streams)
        streams[SyncWindowsStream.name] = streams.pop(SyncWindowsStream.name)
        return streams

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
    def accounts(self) -> list[Account]:
        """The accounts to read, each with its `user_id`."""
        accounts = accounts_from_config(self.config)
        for account in accounts:
            if not account.user_id:
                account.user_id = self.find_user_id(account)
        return accounts

    def account(self, user_id: str) -> Account:
        """The account of a partition."""
        return next(a for a in self.accounts if a.user_id == user_id)

    def find_user_id(self, account: Account) -> str:
        """The UUID of an account that has none yet, by Oura's own id of it.

        Oura tells that to every token, whatever its scopes (OpenAPI, personal_info).
        """
        request = HTTPRequest(
            url=f"{self.config['api_url'].rstrip('/')}/v2/usercollection/personal_info"
        )
        document = msgspec.json.decode(self.api.get_document(request, account))
        return derived_user_id(document["id"])

    @cached_property
    def prefetcher(self) -> Prefetcher:
        """Reads ahead what the streams are going to take."""
        return Prefetcher(self._jobs(), self.config["concurrency"])

    def _jobs(self) -> Iterator[Job]:
        for stream in self.streams.values():
            if isinstance(stream, OuraStream) and stream.selected:
                for account in self.accounts:
                    for window in stream.windows(account):
                        yield Job(stream, account, window)

    # Windows of a run that was killed

    def recover_pending(self) -> None:
        """Put what a killed run had read on record."""
        for state in self._account_states():
            self.ledger.carry_over(state["context"]["user_id"], state.get(PENDING, []))

    def forget_pending(self, user_id: str) -> None:
        """Drop an account's windows from the state, as they are on record now."""
        for state in self._account_states():
            if state["context"]["user_id"] == user_id:
                state.pop(PENDING, None)

    def _account_states(self) -> Iterator[dict[str, Any]]:
        for stream_state in self.state.get("bookmarks", {}).values():
            yield from stream_state.get("partitions", [])

    # A run

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
        try:
            tap = cls(
                config=config.config if config else {},
                state=json.load(state) if state else None,
                catalog=json.load(catalog) if catalog else None,
                parse_env_config=bool(config and config.parse_env),
            )
            _ = tap.period
            tap.recover_pending()
            if tap.accounts:
                tap.sync_all()
            tap.conclude()
        except OuraError as error:
            cls.tell(error)
            sys.exit(1)
        except ConfigValidationError as error:
            for sentence in error.errors:
                cls.logger.error("%s", sentence, extra={"outcome": Outcome.ERROR})  # noqa: TRY400
            sys.exit(1)

    def conclude(self) -> None:
        """Say what was odd in this run, and end it with 1 if an account failed."""
        for stream in self.streams.values():
            if isinstance(stream, OuraStream):
                stream.report_oddities()
        failed: dict[str, OuraError] = {}
        for account, failure in self.ledger.failures:
            if failure.outcome is Outcome.MISSING_SCOPE:
                self.logger.warning("%s", failure)
            else:
                failed.setdefault(account.user_id, failure)
        for failure in failed.values():
            self.tell(failure)
        if failed:
            sys.exit(1)

    @classmethod
    def tell(cls, failure: OuraError) -> None:
        """Say what failed: a sentence for people, and its kind for programs."""
        cls.logger.error("%s", failure, extra={"outcome": failure.outcome})
