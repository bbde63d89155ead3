"""The accounts that a run reads, each with its own token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from uuid import NAMESPACE_URL, UUID, uuid5

from singer_sdk.exceptions import ConfigValidationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_oura.errors import OuraError


class Credential(Protocol):
    """What gives an account's access token."""

    def token(self) -> str:
        """The access token to send."""

    def renew(self, refused: str) -> str | None:
        """Another token after one was refused, or `None` if there is none."""


@dataclass(frozen=True)
class AccessToken:
    """A token that somebody else issued and nobody can renew."""

    value: str

    def token(self) -> str:
        """The token itself."""
        return self.value

    def renew(self, refused: str) -> str | None:  # noqa: ARG002
        """Nothing: it is the only one."""
        return None


@dataclass(eq=False)
class Account:
    """A wearer of a ring.

    Attributes:
        user_id: Key of the account in every stream, a UUID.
        credential: Where its access token comes from.
        failure: Why nothing more of the account can be read in this run.
    """

    user_id: str
    credential: Credential
    failure: OuraError | None = None

    def __str__(self) -> str:
        """How messages name the account."""
        return self.user_id


def accounts_from_config(config: Mapping[str, Any]) -> list[Account]:
    """The accounts that the settings name; `user_id` is empty where it is to be found.

    Raises:
        ConfigValidationError: There is no token, or a `user_id` is no UUID.
    """
    token = config.get("access_token")
    if not token:
        message = (
            "There is no token: set `access_token` "
            "(environment variable TAP_OURA_ACCESS_TOKEN)."
        )
        raise ConfigValidationError(message, errors=[message])
    return [Account(_user_id(config.get("user_id")), AccessToken(token))]


def derived_user_id(oura_id: str) -> str:
    """The UUID of an account that the settings do not name, from Oura's id of it."""
    return str(uuid5(NAMESPACE_URL, f"https://api.ouraring.com/{oura_id}"))


def _user_id(value: str | None) -> str:
    if not value:
        return ""
    try:
        return str(UUID(value))
    except ValueError:
        message = f"`user_id` is not a UUID: {value!r}. Leave it out or give one."
        raise ConfigValidationError(message, errors=[message]) from None
