"""What can go wrong, in words that hold no health data.

A response's body, its query string and its token never become part of a message.
"""

from __future__ import annotations

import re
from enum import StrEnum
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import requests

_MISSING_SCOPE = re.compile(r"not authorized access (?:extapi:)?(\w+) scope")


class Outcome(StrEnum):
    """How the reading of a window ended."""

    OK = "ok"
    MISSING_SCOPE = "missing_scope"
    MEMBERSHIP_LAPSED = "membership_lapsed"
    UNAUTHORIZED = "unauthorized"
    ERROR = "error"


class OuraError(Exception):
    """What went wrong for good, in one sentence.

    Attributes:
        outcome: What `sync_windows` says of it.
        detail: One more word, e.g. the scope that is missing.
        ends_user: Whether nothing else of the user can be read either.
    """

    outcome = Outcome.ERROR
    ends_user = False

    def __init__(
        self, message: str, outcome: Outcome | None = None, detail: str | None = None
    ) -> None:
        super().__init__(message)
        self.outcome = outcome or self.outcome
        self.detail = detail


class SettingError(OuraError):
    """A setting that is missing or cannot be used."""


class UserFailedError(OuraError):
    """Nothing more of the user can be read in this run."""

    ends_user = True


class UnreachableError(UserFailedError):
    """The API or the token endpoint did not answer until the last try."""


class TokenStoreError(UserFailedError):
    """The token store does not give a user's login, or does not take it."""


class UnauthorizedError(UserFailedError):
    """The token is refused (401), or there is none."""

    outcome = Outcome.UNAUTHORIZED


class RetriableResponseError(Exception):
    """A response that another try may better.

    Attributes:
        response: The response, for its status and its waiting time.
    """

    def __init__(self, reason: str, response: requests.Response) -> None:
        super().__init__(reason)
        self.response = response


def is_temporary(response: requests.Response) -> bool:
    """Whether another try may succeed."""
    return (
        response.status_code == HTTPStatus.TOO_MANY_REQUESTS
        or response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR
    )


def check(response: requests.Response, user: str) -> None:
    """Raise what a response means, if it is not a success.

    Args:
        response: The response, read to its end.
        user: How messages name the user.

    Raises:
        RetriableResponseError: 429 and 5xx.
        OuraError: Everything else that is no success.
    """
    status = response.status_code
    if status < HTTPStatus.MULTIPLE_CHOICES:
        return
    route = response.url.partition("?")[0].rpartition("/")[2]
    if is_temporary(response):
        raise RetriableResponseError(f"{route} answered {status}", response)
    if status == HTTPStatus.UNAUTHORIZED:
        # A missing scope has the same status as a bad token, but refreshing on it
        # would spend a single-use refresh token for nothing.
        if scope := _MISSING_SCOPE.search(response.text):
            raise OuraError(
                f"User {user} did not grant the scope `{scope[1]}`. "
                "Log in again and tick it.",
                Outcome.MISSING_SCOPE,
                scope[1],
            )
        raise UnauthorizedError(
            f"The token of user {user} was refused (401). "
            "Log in again or give a new `access_token`."
        )
    if status == HTTPStatus.FORBIDDEN:
        raise OuraError(
            f"Oura denies {route} of user {user} (403). Its membership may have "
            "lapsed: check it in the Oura app.",
            Outcome.MEMBERSHIP_LAPSED,
        )
    raise OuraError(
        f"Oura refused the request for {route} of user {user} ({status}). "
        "Check `start_date`, `end_date` and `api_url`.",
        detail=str(status),
    )
