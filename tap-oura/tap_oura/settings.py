"""The settings: what they are called, what they mean, and what is wrong with them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

import msgspec
from singer_sdk import typing as th
from singer_sdk.plugin_base import JSONSchemaValidator

from tap_oura.errors import SettingError
from tap_oura.json_parts import UNDECODABLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jsonschema import ValidationError

ENVIRONMENT_PREFIX = "TAP_OURA_"

RESCUE_FOLDER = "~/.local/state/tap-oura"

WEB_ADDRESS = th.StringType(pattern=r"^https?://[^\s/]+")

SCHEMA: dict[str, Any] = th.PropertiesList(
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
        description="UUID of the user in every record. Derived from Oura's own "
        "id of the user where it is left out.",
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
        "rescue_folder",
        th.StringType,
        default=RESCUE_FOLDER,
        title="Rescue folder",
        description="Folder that keeps new tokens, encrypted, for as long as "
        "`token_store` does not take them.",
    ),
    th.Property(
        "redirect_uri",
        WEB_ADDRESS,
        default="http://localhost:8765/callback/",
        title="Redirect URI",
        description="Where a login comes back to, exactly as registered with Oura.",
    ),
    th.Property(
        "auth_url",
        WEB_ADDRESS,
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
                # Accepted, so that a list of users can be handed over as it is.
                # Nothing depends on it: windows are padded, documents have offsets.
                th.Property("timezone", th.StringType),
            )
        ),
        secret=True,
        title="Users",
        description="Several users: a list of `user_id` with `access_token` or "
        "`refresh_token`, or with neither where the token store has a login.",
    ),
    th.Property(
        "user_list",
        th.StringType,
        title="File of users",
        description="File with further `users`, a list as JSON: a variable cannot "
        "hold more than some 1,000 of them.",
    ),
    th.Property(
        "user_filter",
        th.ArrayType(th.StringType),
        title="User filter",
        description="Read only the users with these `user_id`s.",
    ),
    th.Property(
        "shard",
        th.StringType,
        title="Shard",
        description="Read only a share of the users, such as 2/8, so that "
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
        description="Days before the bookmark that are read again from time to time.",
    ),
    th.Property(
        "reconcile_every_days",
        th.IntegerType(minimum=1),
        default=7,
        title="Days between reconciles",
        description="Days from one such longer look-back to the next.",
    ),
    th.Property(
        "sample_grain",
        th.StringType(allowed_values=["day", "sample"]),
        default="sample",
        title="Grain of samples",
        description="What a record of `heartrate` and `ring_battery_level` holds: one "
        "`sample`, or all those of a UTC `day`.",
    ),
    th.Property(
        "api_url",
        WEB_ADDRESS,
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


def read_object(option: str, file: IO[Any]) -> dict[str, Any]:
    """What a file that the command line names holds.

    Raises:
        SettingError: It is not a JSON object.
    """
    try:
        return msgspec.json.decode(file.read(), type=dict[str, Any])
    except UNDECODABLE:
        raise SettingError(f"`{option}` {file.name} is not a JSON object.") from None


@contextmanager
def readable() -> Iterator[None]:
    """While the SDK reads variables.

    Raises:
        SettingError: A number or a list cannot be read.
    """
    try:
        yield
    except ValueError:
        raise SettingError(
            f"A variable {ENVIRONMENT_PREFIX}* cannot be read: "
            "write numbers in digits and lists as JSON."
        ) from None


def problems(config: dict[str, Any]) -> list[str]:
    """What is wrong with the settings; those that are left out get their defaults."""
    return [
        _sentence(error) for error in JSONSchemaValidator(SCHEMA).iter_errors(config)
    ]


def _sentence(error: ValidationError) -> str:
    """What is wrong with a setting, without its value: that may be a secret."""
    name = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in error.path)
    subject = f"`{name.lstrip('.')}`" if name else "The configuration"
    match error.validator:
        case "required":
            _, missing, _ = error.message.split("'", 2)
            return f"{subject} lacks `{missing}`."
        case "type":
            kinds = [k for k in _listed(error.validator_value) if k != "null"]
            return f"{subject} has to be of type {' or '.join(kinds)}."
        case "enum":
            return f"{subject} has to be {' or '.join(_listed(error.validator_value))}."
        case "minimum" | "maximum" as bound:
            most = "least" if bound == "minimum" else "most"
            return f"{subject} has to be at {most} {error.validator_value}."
        case "pattern":
            return f"{subject} has to begin with http:// or https://, and a host."
        case _:
            return f"{subject} is not valid: see `tap-oura --about`."


def _listed(value: object) -> list[str]:
    """The types of a schema, which names one alone or several in a list."""
    return [str(kind) for kind in (value if isinstance(value, list) else [value])]
