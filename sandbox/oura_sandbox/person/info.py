"""The route personal_info."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from oura_sandbox.person import Person


def personal_info(person: Person) -> dict[str, Any]:
    """Build the one document about the person."""
    traits = person.traits
    today = person.today
    birthday = (today.month, today.day) >= (traits.born.month, traits.born.day)
    # Oura's user ids are hexadecimal, and no UUIDs.
    name = blake2b(person.owner.encode(), digest_size=17).hexdigest()
    return {
        "id": f"{name[:12]}-{name[12:]}",
        "age": today.year - traits.born.year - (not birthday),
        "weight": traits.weight,
        "height": traits.height,
        "biological_sex": "female" if traits.female else "male",
        "email": f"wearer-{name[:6]}@example.org",
    }
