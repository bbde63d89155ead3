"""Sending requests: tokens, retries and rate limits. Safe to use from threads."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections import defaultdict
from contextlib import suppress
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from time import sleep
from typing import TYPE_CHECKING, TypeVar

import backoff
import msgspec
import requests

from tap_oura.errors import (
    OuraError,
    RetriableResponseError,
    UnauthorizedError,
    UnreachableError,
    check,
)
from tap_oura.json_parts import UNDECODABLE, elements, members

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_oura.users import User

_Body = TypeVar("_Body")

CONNECT_TIMEOUT = 10.0
READ_TIMEOUT = 60.0

#: Oura's rate limits count over five minutes; a longer wait is not one of them.
LONGEST_WAIT = 330.0

RETRIABLE = (RetriableResponseError, requests.RequestException, *UNDECODABLE)

_logger = logging.getLogger("tap-oura")


class Page(msgspec.Struct):
    """One response of a list route. Documents stay encoded until they are needed.

    Attributes:
        data: The documents.
        next_token: Asks for the next page. Time series leave it out at the end.
    """

    data: list[msgspec.Raw]
    next_token: str | None = None


class Request(msgspec.Struct, frozen=True):
    """What to ask for.

    Attributes:
        path: The route, below `usercollection/`.
        params: The query.
        period: The days, as the log names them; empty where a route has none.
        page: Number of the page.
    """

    path: str
    params: dict[str, str] = {}
    period: str = ""
    page: int = 1

    def __str__(self) -> str:
        """As the log names it."""
        of_days = f" {self.period} page {self.page}" if self.period else ""
        return f"{self.path}{of_days}"


class RateLimit:
    """Since when requests may be sent again, by user and for everybody."""

    EVERYBODY = ""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until: defaultdict[str, float] = defaultdict(float)

    def hold(self, who: str, seconds: float) -> None:
        """Let nothing out for a while."""
        with self._lock:
            self._until[who] = max(self._until[who], time.monotonic() + seconds)

    def wait(self, user: str) -> None:
        """Sleep for as long as the user or everybody is held."""
        with self._lock:
            until = max(self._until[user], self._until[self.EVERYBODY])
        sleep(max(0.0, until - time.monotonic()))


class OuraApi:
    """The HTTP side of the API."""

    def __init__(self, url: str, user_agent: str, max_tries: int) -> None:
        # At DEBUG it would write query strings.
        logging.getLogger("urllib3").setLevel(logging.INFO)
        self._url = f"{url.rstrip('/')}/v2/usercollection"
        self._user_agent = user_agent
        self._rate_limit = RateLimit()
        self._local = threading.local()
        self._max_tries = max_tries

    def get(
        self, request: Request, user: User, decode: Callable[[bytes], _Body]
    ) -> _Body:
        """Send a request until it succeeds, and decode what comes back.

        Args:
            request: What to ask for.
            user: Whose token to use.
            decode: `as_page` or `as_document`.

        Raises:
            OuraError: The request failed for good.
        """
        send = backoff.on_exception(
            backoff.expo,
            RETRIABLE,
            max_tries=self._max_tries,
            max_value=60,
            # Without the random part, all threads would come back at once.
            jitter=backoff.random_jitter,
            giveup=_was_sat_out,
            on_backoff=lambda details: self._log_pause(
                request, user, _reason(sys.exc_info()[1]), details["wait"]
            ),
            logger=None,
        )(self._send)
        try:
            return send(request, user, decode)
        except requests.ConnectionError as error:
            host = self._url.split("/")[2]
            raise UnreachableError(
                f"No connection to {host} for user {user}: {_reason(error)}. "
                "Check the network and `api_url`, then run again."
            ) from None
        except RETRIABLE as error:
            raise OuraError(
                f"{request.path} of user {user} could not be read: {_reason(error)}. "
                "Run again later; what was read is kept."
            ) from None

    def _send(
        self, request: Request, user: User, decode: Callable[[bytes], _Body]
    ) -> _Body:
        """One try, or two when the first found the access token expired."""
        token = user.credential.token()
        response = self._send_within_limits(token, request, user)
        try:
            check(response, str(user))
        except UnauthorizedError:
            renewed = user.credential.renew(token)
            if renewed is None:
                raise
            response = self._send_within_limits(renewed, request, user)
            check(response, str(user))
        return decode(response.content)

    def _send_within_limits(
        self, token: str, request: Request, user: User
    ) -> requests.Response:
        """Send, again each time that a limit asks to wait.

        That is no failed try: where a limit is low, most requests meet it more often
        than a request may fail.
        """
        patience, floor = LONGEST_WAIT, 1.0
        while True:
            self._rate_limit.wait(user.user_id)
            response = self._send_with(token, request, user)
            pause = _asked_pause(response)
            if pause is None or pause > patience:
                return response
            # A limit that asks for no pause is still one.
            pause, floor = max(pause, floor), min(2 * floor, 60.0)
            patience -= pause
            self._rate_limit.hold(_limited(response, user), pause)
            self._log_pause(request, user, "at the rate limit", pause)

    def _send_with(self, token: str, request: Request, user: User) -> requests.Response:
        """Send, read the whole answer, and log that it came."""
        started = time.monotonic()
        response = self._session().get(
            f"{self._url}/{request.path}",
            params=request.params,
            headers={"Authorization": f"Bearer {token}"},
            timeout=(CONNECT_TIMEOUT, READ_TIMEOUT),
            allow_redirects=False,
        )
        milliseconds = 1000 * (time.monotonic() - started)
        request_id = response.headers.get("x-trace-id")
        _logger.info(
            "%s of user %s: %d in %.0f ms (request id %s)",
            request,
            user,
            response.status_code,
            milliseconds,
            request_id or "none",
            extra={
                "user": user.user_id,
                "endpoint": request.path,
                "period": request.period,
                "page": request.page,
                "status": response.status_code,
                "duration_ms": round(milliseconds),
                "request_id": request_id,
            },
        )
        return response

    def _log_pause(
        self, request: Request, user: User, reason: str, seconds: float
    ) -> None:
        _logger.warning(
            "%s of user %s: %s, trying again in %.1f s",
            request.path,
            user,
            reason,
            seconds,
        )

    def _session(self) -> requests.Session:
        """The calling thread's session: requests does not promise to share one."""
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = requests.Session()
            session.headers["User-Agent"] = self._user_agent
            # Without any, requests would let a netrc entry replace the user's token.
            session.auth = lambda request: request
            self._local.session = session
        return session


def as_page(content: bytes) -> Page:
    """A page, also where one of its values is not JSON: the parser deals with it.

    Raises:
        UNDECODABLE: It is not a complete list of documents.
    """
    with suppress(*UNDECODABLE):
        return msgspec.json.decode(content, type=Page)
    parts = dict(members(content))
    token = msgspec.json.decode(parts.get(b'"next_token"', b"null"))
    documents = [msgspec.Raw(part) for part in elements(parts.get(b'"data"', b""))]
    return msgspec.convert({"data": documents, "next_token": token}, Page)


def as_document(content: bytes) -> msgspec.Raw:
    """The one document of a route that has no list, likewise."""
    with suppress(*UNDECODABLE):
        return msgspec.json.decode(content, type=msgspec.Raw)
    members(content)
    return msgspec.Raw(content)


def _limited(response: requests.Response, user: User) -> str:
    """Whom a 429 holds back.

    Oura has a limit per access token and one per application (OpenAPI 1.34+).
    """
    tier = response.headers.get("X-RateLimit-Tier", "").lower()
    covers_all = "app" in tier or "client" in tier
    return RateLimit.EVERYBODY if covers_all else user.user_id


def _asked_pause(response: requests.Response) -> float | None:
    """Seconds that a 429 asks to wait, by either of its headers.

    An instant is compared with the server's own clock, as this machine's may be off.
    """
    if response.status_code != HTTPStatus.TOO_MANY_REQUESTS:
        return None
    headers = response.headers
    if (value := headers.get("Retry-After", "")).isdecimal():
        return float(value)
    now = _instant(headers.get("Date")) or time.time()
    until = _instant(headers.get("Retry-After"))
    if (value := headers.get("X-RateLimit-Reset", "")).isdecimal():
        until = until or float(value)
    return None if until is None else max(0.0, until - now)


def _instant(value: str | None) -> float | None:
    """Seconds since 1970 of a date as HTTP has it (RFC 9110), if it is one."""
    try:
        return parsedate_to_datetime(value or "").timestamp()
    except (ValueError, OverflowError):
        return None


def _was_sat_out(error: Exception) -> bool:
    """Whether a limit asks for longer than a run can wait."""
    return (
        isinstance(error, RetriableResponseError)
        and _asked_pause(error.response) is not None
    )


def _reason(error: BaseException | None) -> str:
    """Why a try failed, without the URL that requests would name."""
    match error:
        case RetriableResponseError():
            return str(error)
        case msgspec.MsgspecError() | UnicodeDecodeError() | RecursionError():
            return "the answer was not a list of documents"
        case requests.Timeout():
            return "no answer in time"
        case requests.exceptions.SSLError():
            return "the server's certificate is not trusted"
        case requests.ConnectionError():
            return "the connection failed"
        case _:
            return "the answer broke off"
