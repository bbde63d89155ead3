"""The answers of the API to what it refuses, as recorded from the live one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request


class Problem(Exception):  # noqa: N818 - what the client did is not our error
    """A request that gets no data."""

    def __init__(
        self, status: int, body: object, headers: Mapping[str, str] | None = None
    ) -> None:
        """Answer with a status and a JSON body."""
        super().__init__(status)
        self.status = status
        self.body = body
        self.headers = headers or {}

    def response(self) -> Response:
        """Return what the client gets."""
        response = reply(self.body, self.status)
        response.headers.update(self.headers)
        return response


def reply(body: object, status: int = 200) -> Response:
    """Answer with JSON."""
    content = msgspec.json.encode(body)
    return Response(content, status, media_type="application/json")


def answer(_: Request, problem: Exception) -> Response:
    """Turn a problem into its response."""
    assert isinstance(problem, Problem)  # noqa: S101 - registered for problems only
    return problem.response()


def bad_request(detail: str) -> Problem:
    """Refuse a query that makes no sense."""
    return Problem(400, {"detail": detail})


def refused(status: int, title: str, detail: str) -> Problem:
    """Refuse a client, in the form of RFC 7807 that the live API uses for it."""
    return Problem(status, {"status": status, "title": title, "detail": detail})


def unauthorized(detail: str) -> Problem:
    """Refuse a token, or a scope: the live API answers 401 to both."""
    return refused(401, "Unauthorized", detail)


def forbidden(detail: str) -> Problem:
    """Refuse a user whose membership has lapsed."""
    return refused(403, "Forbidden", detail)


def not_found() -> Problem:
    """Say that there is no such route or document."""
    return Problem(404, {"detail": "Not Found"})


def unprocessable(
    name: str, value: str, kinds: tuple[str, ...], reason: str
) -> Problem:
    """Refuse a parameter that cannot be read, with a line for each type tried."""
    types = {
        "datetime": "datetime_from_date_parsing",
        "date": "date_from_datetime_parsing",
        "boolean": "bool_parsing",
    }
    detail = [
        {
            "type": types[kind],
            "loc": ["query", name, *([kind] if len(kinds) > 1 else [])],
            "msg": f"Input should be a valid {kind}, {reason}",
            "input": value,
            "ctx": {"error": reason},
        }
        for kind in kinds
    ]
    return Problem(422, {"detail": detail})


def token_error(status: int, error: str, description: str) -> Problem:
    """Refuse a request at the token endpoint, in the form of RFC 6749."""
    return Problem(status, {"error": error, "error_description": description})
