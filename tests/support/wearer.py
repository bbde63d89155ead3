"""Somebody who wears a ring, at the sandbox's consent page, and allows everything.

As a program, it is that person's browser: `wearer.py ADDRESS` ends up where the page
leads. The variable WEARER says which of the sandbox's users they have.
"""

from __future__ import annotations

import os
import sys
from urllib.parse import parse_qs, urlsplit

import httpx


def allow(address: str, user: str = "1") -> str:
    """Allow it.

    Returns:
        The address that the page leads to.
    """
    query = {name: value for name, [value] in parse_qs(urlsplit(address).query).items()}
    form = {**query, "scope": query["scope"].split(), "user": user}
    answer = httpx.post(address.partition("?")[0], data={**form, "decision": "allow"})
    return answer.headers["Location"]


if __name__ == "__main__":
    httpx.get(allow(sys.argv[1], os.environ["WEARER"])).raise_for_status()
