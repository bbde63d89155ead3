"""Rate limits: of each access token, and of the application as a whole."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from math import ceil
from typing import TYPE_CHECKING

from oura_sandbox.errors import Problem

if TYPE_CHECKING:
    from oura_sandbox.options import Settings

TOKEN, APPLICATION = "access_token", "application"


class Limiter:
    """Counts requests in rolling windows."""

    def __init__(self) -> None:
        """Begin with nothing counted."""
        self._seen: defaultdict[str, deque[float]] = defaultdict(deque)

    def reset(self) -> None:
        """Forget all requests."""
        self._seen.clear()

    def admit(self, token: str, settings: Settings) -> None:
        """Count a request, unless one of the limits is reached."""
        windows = []
        for tier, key, limit in (
            (TOKEN, f"token {token}", settings.token_limit),
            (APPLICATION, "application", settings.app_limit),
        ):
            if limit:
                requests, seconds = map(int, limit.split("/"))
                seen = self._window(key, seconds)
                windows.append(seen)
                if len(seen) >= requests:
                    raise _exceeded(tier, requests, seconds, seen)
        for seen in windows:
            seen.append(time.time())

    def _window(self, key: str, seconds: int) -> deque[float]:
        seen = self._seen[key]
        while seen and seen[0] <= time.time() - seconds:
            seen.popleft()
        return seen


def _exceeded(tier: str, requests: int, seconds: int, seen: deque[float]) -> Problem:
    wait = seen[0] + seconds - time.time()
    return too_many(tier, requests, seconds, max(1, ceil(wait)), seen[-1] + seconds)


def too_many(tier: str, limit: int, window: int, wait: int, full: float) -> Problem:
    """Refuse a request beyond a limit, with the five headers."""
    detail = "Request Rate Limit Exceeded."
    body = {"status": 429, "title": "Too Many Requests", "detail": detail}
    headers = {
        "Retry-After": str(wait),
        "X-RateLimit-Limit": str(limit),
        "X-RateLimit-Window": str(window),
        "X-RateLimit-Reset": str(ceil(full)),
        "X-RateLimit-Tier": tier,
    }
    return Problem(429, body, headers)
