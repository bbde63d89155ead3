"""Faults: what goes wrong, where, and how often. One mechanism for all of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b
from random import Random
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

Kind = Literal[
    "error",
    "html",
    "rate-limit",
    "drop",
    "cut",
    "truncate",
    "delay",
    "repeat-token",
    "hide",
    "change",
]
OF_DOCUMENTS = {"hide", "change"}
Natural = Annotated[int, Meta(ge=0)]
Positive = Annotated[int, Meta(ge=1)]


class Fault(
    Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True
):
    """Something that goes wrong."""

    kind: Kind
    route: str = "*"
    """A route such as `sleep`, or another path such as `oauth/token`."""
    user: int | None = None
    after: Natural = 0
    """How many requests pass before it begins."""
    every: Positive = 1
    """3 stands for each third request."""
    times: Positive | None = None
    """How often it happens."""
    probability: Annotated[float, Meta(ge=0, le=1)] = 1.0
    """Of a request; with `hide` and `change`, of a document."""
    seed: int = 1
    status: Annotated[int, Meta(ge=200, le=599)] | None = None
    seconds: Annotated[float, Meta(ge=0)] = 1.0
    """How long a delay is, and what Retry-After says."""
    tier: str = "access_token"
    days: Positive | None = None
    """Only documents of so many days up to today."""
    set: dict[str, Any] = {}
    """What is laid over a document, object by object."""
    remove: tuple[str, ...] = ()
    """Fields that are taken out of a document."""

    def meets(self, identifier: str) -> bool:
        """Say whether it happens to a document, the same one each time."""
        if self.probability >= 1:
            return True
        name = f"{self.seed}/{identifier}".encode()
        share = int.from_bytes(blake2b(name, digest_size=4).digest()) / 2**32
        return share < self.probability


@dataclass(slots=True)
class Active:
    """A fault that is on, and how often it has happened."""

    fault: Fault
    seen: int = 0
    happened: int = 0
    _rng: Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Draw by the fault's own seed."""
        self._rng = Random(self.fault.seed)  # noqa: S311 - nothing to guard

    def happens(self, route: str, user: int | None) -> bool:
        """Count a request, and say whether the fault happens to it."""
        fault = self.fault
        if fault.route not in {"*", route} or fault.user not in {None, user}:
            return False
        self.seen += 1
        if fault.times is not None and self.happened >= fault.times:
            return False
        if self.seen <= fault.after or (self.seen - fault.after) % fault.every:
            return False
        if fault.kind not in OF_DOCUMENTS and self._rng.random() >= fault.probability:
            return False
        self.happened += 1
        return True


def parse(spec: str) -> Fault:
    """Read a fault from the command line: `kind=error,route=sleep`, or JSON.

    Raises:
        ValueError: With what is wrong with it.
    """
    try:
        if spec.lstrip().startswith("{"):
            return msgspec.json.decode(spec, type=Fault)
        pairs = [part.partition("=") for part in spec.split(",")]
        fields = {name.strip(): value.strip() for name, _, value in pairs}
        return msgspec.convert(fields, Fault, strict=False)
    except msgspec.MsgspecError as error:
        reason = f"--fault {spec}: {error}"
        raise ValueError(reason) from None
