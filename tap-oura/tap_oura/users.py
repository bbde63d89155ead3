"""The users that a run reads."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec

from tap_oura.credentials import AccessToken, Credential, StoredLogin
from tap_oura.errors import SettingError
from tap_oura.json_parts import UNDECODABLE
from tap_oura.oauth import Endpoints, OAuthClient
from tap_oura.settings import RESCUE_FOLDER

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tap_oura.errors import OuraError
    from tap_oura.token_store import TokenStore

    #: Gives both once, when the first user needs them.
    Logins = Callable[[], tuple[TokenStore, OAuthClient]]

#: The file of logins that the token store did not take.
RESCUED = "rescued-logins.json"


class ListedUser(msgspec.Struct):
    """A user as `user_list` names it."""

    user_id: str
    access_token: str | None = None
    refresh_token: str | None = None


@dataclass(eq=False)
class User:
    """A user of a ring.

    Attributes:
        user_id: Key of the user in every stream, a UUID.
        credential: Where its access token comes from.
        failure: Why nothing more of the user can be read in this run.
    """

    user_id: str
    credential: Credential
    failure: OuraError | None = None

    def __str__(self) -> str:
        """How messages name the user."""
        return self.user_id or "(not known yet)"


def users_from_config(config: Mapping[str, Any]) -> list[User]:
    """The users that the settings name, as far as this run is to read them.

    `user_id` is empty where it is still to be found out.

    Raises:
        SettingError: The settings name no user, or none that exists.
    """
    logins = cache(lambda: (token_store(config), oauth_client(config)))
    entries = _listed(config) or _single(config, logins)
    users = [_user(entry, logins) for entry in entries]
    counts = Counter(user.user_id for user in users)
    if twice := [user_id for user_id, count in counts.items() if count > 1]:
        raise SettingError(f"`users` names {twice[0]} twice: leave one of them out.")
    shard = config.get("shard")
    return [
        user
        for user in _filtered(users, config)
        if not shard or is_in_share(user.user_id, shard)
    ]


def derived_user_id(oura_id: str) -> str:
    """The UUID of a user that the settings do not name, from Oura's id of it."""
    return str(uuid5(NAMESPACE_URL, f"https://api.ouraring.com/{oura_id}"))


def checked_user_id(value: str) -> str:
    """A `user_id` from outside.

    Raises:
        SettingError: It is no UUID.
    """
    try:
        return str(UUID(value))
    except ValueError:
        raise SettingError(
            f"`user_id` is not a UUID: {value!r}. Leave it out or give one."
        ) from None


def seed_from_config(config: Mapping[str, Any], user_id: str) -> str | None:
    """The refresh token that the settings give for a user, if they do."""
    for user in [config, *_listed(config)]:
        if user.get("user_id") and checked_user_id(user["user_id"]) == user_id:
            seed: str | None = user.get("refresh_token")
            return seed
    return None


def oauth_client(config: Mapping[str, Any]) -> OAuthClient:
    """The application that the settings name.

    Raises:
        SettingError: They name none.
    """
    if not (config.get("client_id") and config.get("client_secret")):
        raise SettingError(
            "A login needs `client_id` and `client_secret` of an application that "
            "you register at https://developer.ouraring.com."
        )
    return OAuthClient(
        client_id=config["client_id"],
        client_secret=config["client_secret"],
        endpoints=Endpoints.at(config.get("auth_url")),
    )


def token_store(config: Mapping[str, Any]) -> TokenStore:
    """The token store that the settings name.

    Raises:
        SettingError: They name none, or it cannot be used.
    """
    location, keys = config.get("token_store"), config.get("token_key")
    if not location:
        raise SettingError(
            "A login needs `token_store`, a file path or a database URL that keeps "
            "its tokens."
        )
    if not keys:
        raise SettingError(
            "`token_store` needs `token_key` (environment variable "
            "TAP_OURA_TOKEN_KEY). Make one with `tap-oura-auth new-key`."
        )
    # Imported late: only logins need cryptography, and only a database SQLAlchemy.
    from tap_oura.file_token_store import LoginFile  # noqa: PLC0415 (slow)
    from tap_oura.token_store import Place, TokenStore  # noqa: PLC0415 (slow)

    place: Place
    if "://" in location:
        from tap_oura.database_token_store import LoginTable  # noqa: PLC0415 (slow)

        place = LoginTable(location)
    else:
        place = LoginFile(_absolute(location))
    folder = _absolute(config.get("rescue_folder") or RESCUE_FOLDER)
    return TokenStore(keys, place, LoginFile(folder / RESCUED), folder)


def _absolute(path: str) -> Path:
    return Path(path).expanduser().absolute()


def _listed(config: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What `users` and `user_list` have of each user.

    Raises:
        SettingError: The file cannot be read as such a list.
    """
    listed = config.get("users") or []
    if not (path := config.get("user_list")):
        return listed
    try:
        content = Path(path).expanduser().read_bytes()
        return listed + [
            msgspec.structs.asdict(user)
            for user in msgspec.json.decode(content, type=list[ListedUser])
        ]
    except (OSError, *UNDECODABLE):
        raise SettingError(
            f"`user_list` {path} cannot be read as a list of users, each with its "
            "`user_id`, as JSON."
        ) from None


def _single(config: Mapping[str, Any], logins: Logins) -> list[Mapping[str, Any]]:
    """The one user of the short form, or all that have logged in."""
    if config.get("access_token"):
        return [config]
    if not config.get("token_store"):
        raise SettingError(
            "There is no token: set `access_token` (environment variable "
            "TAP_OURA_ACCESS_TOKEN), or log in with `tap-oura-auth login`."
        )
    store, _ = logins()
    if config.get("user_id"):
        return [config]
    if config.get("refresh_token"):
        raise SettingError("`refresh_token` needs `user_id`, a UUID of your choice.")
    if not (user_ids := store.user_ids()):
        raise SettingError("No user has logged in yet. Run `tap-oura-auth login`.")
    return [{"user_id": user_id} for user_id in user_ids]


def _user(entry: Mapping[str, Any], logins: Logins) -> User:
    user_id = checked_user_id(entry["user_id"]) if entry.get("user_id") else ""
    if token := entry.get("access_token"):
        return User(user_id, _access_token(token))
    store, client = logins()
    return User(
        user_id, StoredLogin(user_id, client, store, entry.get("refresh_token"))
    )


def _access_token(value: str) -> AccessToken:
    """A token from outside, which files and clipboards tend to give a line break.

    Raises:
        SettingError: It can be none.
    """
    if not re.fullmatch(r"[!-~]+", value.strip()):
        raise SettingError(
            "`access_token` holds characters that no token has: copy it again."
        )
    return AccessToken(value.strip())


def _filtered(users: list[User], config: Mapping[str, Any]) -> list[User]:
    """Those that `user_filter` names, if it does."""
    wanted = [checked_user_id(u) for u in config.get("user_filter") or []]
    if not wanted:
        return users
    known = {user.user_id for user in users}
    if unknown := [user_id for user_id in wanted if user_id not in known]:
        raise SettingError(f"`user_filter` names {unknown[0]}, which is not a user.")
    return [user for user in users if user.user_id in wanted]


def is_in_share(user_id: str, shard: str) -> bool:
    """Whether a user is of a share, by a hash that is the same everywhere.

    Raises:
        SettingError: `shard` names no share.
    """
    match = re.fullmatch(r"([1-9]\d*)/([1-9]\d*)", shard)
    if not match or int(match[1]) > int(match[2]):
        raise SettingError(
            f"`shard` is {shard!r}: write it as 2/8, the second of eight shares."
        )
    share, shares = int(match[1]), int(match[2])
    digest = hashlib.sha256(user_id.encode()).digest()[:8]
    return int.from_bytes(digest) % shares == share - 1
