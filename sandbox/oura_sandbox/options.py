"""How a sandbox is started, and what can be changed while it runs."""

from __future__ import annotations

from datetime import date  # noqa: TC003 - msgspec reads it
from typing import Annotated, Literal

from msgspec import Meta, Struct

from oura_sandbox.scopes import SCOPES

Natural = Annotated[int, Meta(ge=0)]
Positive = Annotated[int, Meta(ge=1)]
Limit = Annotated[str, Meta(pattern=r"^[1-9]\d*/[1-9]\d*$")]
"""So many requests in so many seconds, as in 5000/300."""
Missing = Annotated[str, Meta(pattern=rf"^[1-9]\d*:({'|'.join(SCOPES)})$")]
"""A user and a scope, as in 2:stress."""
TokenEndpoint = Literal["both", "legacy", "new"]


class Settings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What can be changed while the sandbox runs."""

    page_size: Positive | None = None
    latency_ms: Natural = 0
    token_limit: Limit | None = None
    app_limit: Limit | None = None
    client_id: str = "sandbox-client"
    client_secret: str = "sandbox-secret"  # noqa: S105 - the way in, for everyone
    redirect_uri: tuple[str, ...] = ()
    token_endpoint: TokenEndpoint = "both"  # noqa: S105 - which one, no secret
    token_lifetime: int = 86_400
    code_lifetime: int = 600
    omit_scope: bool = False
    scope_prefix: bool = False


class Options(Struct, frozen=True, kw_only=True):
    """How a sandbox is started."""

    seed: int = 1
    years: Natural = 3
    today: date | None = None
    users: Positive = 1
    token: str = "sandbox-token"  # noqa: S105 - the way in, for everyone
    without_scope: tuple[Missing, ...] = ()
    lapsed: tuple[int, ...] = ()
    fault: tuple[str, ...] = ()
    settings: Settings = Settings()
