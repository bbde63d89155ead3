"""The synthetic person: a life of which any day can be looked up at once."""

from __future__ import annotations

from oura_sandbox.person.person import Person

__all__ = ["Person"]
