"""Who is asking: from the Authorization header to an account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oura_sandbox.errors import unauthorized

if TYPE_CHECKING:
    from starlette.requests import Request

    from oura_sandbox.accounts import Account


class Tokens:
    """The access tokens that are valid."""

    def __init__(self, accounts: dict[str, Account]) -> None:
        """Begin with a token for each account that never expires."""
        self._accounts = accounts

    def account(self, request: Request) -> Account:
        """Return the account whose token a request carries."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        account = self._accounts.get(token.strip())
        if scheme.lower() != "bearer" or account is None:
            detail = "Invalid or expired access token."
            raise unauthorized(detail)
        return account
