"""What can go wrong with a request, in words that hold no health data.

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

    def __init__(self, message: str, *, detail: str | None = None) -> None:
        super().__init__(message)
        self.detail = detail


class SettingError(OuraError):
    """A setting that is missing or cannot be meant."""


class RefusedRequestError(OuraError):
    """Oura does not understand the request (400, 404, 422)."""


class UnavailableError(OuraError):
    """Oura did not answer usefully until the last try."""


class UnreachableError(UnavailableError):
    """No connection to the API until the last try."""

    ends_user = True


class LoginUnavailableError(UnavailableError):
    """The token endpoint gave no usable answer. The login may be as good as before."""

    ends_user = True


class ApplicationError(OuraError):
    """The token endpoint knows no such application, or not with this secret."""

    ends_user = True


class MissingScopeError(OuraError):
    """The user did not grant the scope that a route needs (401)."""

    outcome = Outcome.MISSING_SCOPE


class MembershipLapsedError(OuraError):
    """The membership ended or the permission was withdrawn (403)."""

    outcome = Outcome.MEMBERSHIP_LAPSED


class TokenStoreError(OuraError):
    """The token store does not give a user's login, or does not take it."""

    ends_user = True


class UnauthorizedError(OuraError):
    """The token is refused (401), or there is none."""

    outcome = Outcome.UNAUTHORIZED
    ends_user = True


class RetriableResponseError(Exception):
    """A response that another try may better.

    Attributes:
        response: The response, for its status and its waiting time.
    """

    def __init__(self, reason: str, response: requests.Response) -> None:
        super().__init__(reason)
        self.response = response


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
    route = response.url.partition("?")[0].rpartition("/")[2]
    if status < HTTPStatus.MULTIPLE_CHOICES:
        return
    if (
        status == HTTPStatus.TOO_MANY_REQUESTS
        or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    ):
        reason = f"{route} answered {status}"
        raise RetriableResponseError(reason, response)
    if status == HTTPStatus.UNAUTHORIZED:
        # A missing scope has the same status as a bad token, but refreshing on it
        # would spend a single-use refresh token for nothing.
        if scope := _MISSING_SCOPE.search(response.text):
            raise MissingScopeError(
                f"User {user} did not grant the scope `{scope[1]}`, so {route} "
                "stays empty. Log in again and tick it.",
                detail=scope[1],
            )
        raise UnauthorizedError(
            f"The token of user {user} was refused (401). "
            "Log in again or give a new `access_token`."
        )
    if status == HTTPStatus.FORBIDDEN:
        raise MembershipLapsedError(
            f"Oura denies {route} of user {user} (403). Its membership may have "
            "lapsed: check it in the Oura app."
        )
    raise RefusedRequestError(
        f"Oura refused the request for {route} of user {user} ({status}). "
        "Check `start_date`, `end_date` and `api_url`.",
        detail=str(status),
    )
