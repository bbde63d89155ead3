"""Oura's login over real HTTP, with refresh tokens that can be spent once."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

from cryptography.fernet import Fernet

from tap_oura.users import users_from_config

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from tap_oura.credentials import Credential

LEGACY, PORTAL = "/oauth/token", "/oauth/v2/ext/oauth-token"
KEY, OTHER_KEY = Fernet.generate_key().decode(), Fernet.generate_key().decode()
CLIENT = {"client_id": "client", "client_secret": "client-secret"}

#: What happens instead of the answer for a token: another one, a connection that
#: breaks before the token is spent ("drop"), or one that breaks after ("lose").
Fault = tuple[int, str] | str


class FakeLogin:
    """Attributes tell what it does and what it saw."""

    def __init__(self) -> None:
        self.knows_client = LEGACY
        self.expires_in = 3600
        self.scope: str | None = "extapi:daily extapi:tag"
        self.oddities: dict[str, Any] = {}
        self.latency = 0.0
        self.faults: list[Fault] = []
        self.meanwhile: Callable[[], None] | None = None
        self.current = "refresh-0"
        self.issued = 0
        self.requests: list[tuple[str, dict[str, str]]] = []
        self._challenge = ""
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"login": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    def __enter__(self) -> FakeLogin:  # noqa: PYI034
        serve = partial(self._http.serve_forever, poll_interval=0.01)
        threading.Thread(target=serve, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.shutdown()
        self._http.server_close()

    @property
    def refreshes(self) -> int:
        return sum(
            form.get("grant_type") == "refresh_token" and path == self.knows_client
            for path, form in self.requests
        )

    def answer(self, path: str, query: dict[str, str]) -> tuple[int, Any]:
        with self._lock:
            self.requests.append((path, query))
            match path:
                case "/oauth/authorize":
                    self._challenge = query["code_challenge"]
                    back = urlencode({"code": "the-code", "state": query["state"]})
                    return 302, f"{query['redirect_uri']}?{back}"
                case "/oauth/token" | "/oauth/v2/ext/oauth-token":
                    return self._token(path, query)
                case "/v2/usercollection/personal_info":
                    return 200, {"id": "someone"}
                case "/oauth/revoke":
                    return 200, {}
        return 404, {}

    def _token(self, path: str, form: dict[str, str]) -> tuple[int, Any]:
        time.sleep(self.latency)
        is_refresh = form["grant_type"] == "refresh_token"
        if path != self.knows_client:
            return (400, {"error": "invalid_request"}) if is_refresh else (401, {})
        if {name: form.get(name) for name in CLIENT} != CLIENT:
            return 400, {"error": "invalid_client"}
        if is_refresh and form["refresh_token"] != self.current:
            return 400, {"error": "invalid_grant"}
        if not is_refresh:
            digest = hashlib.sha256(form["code_verifier"].encode()).digest()
            challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
            if form["code"] != "the-code" or challenge != self._challenge:
                return 400, {"error": "invalid_grant"}
        if self.meanwhile:
            self.meanwhile()
        self.issued += 1
        self.current = f"refresh-{self.issued}"
        answer = {
            "access_token": f"access-{self.issued}",
            "refresh_token": self.current,
            "expires_in": self.expires_in,
            "token_type": "bearer",
        }
        if self.scope is not None:
            answer["scope"] = self.scope
        return 200, answer | self.oddities

    def next_fault(self, path: str) -> Fault | None:
        is_token = path in {LEGACY, PORTAL}
        return self.faults.pop(0) if self.faults and is_token else None


class _Handler(BaseHTTPRequestHandler):
    login: FakeLogin

    def do_GET(self) -> None:
        self._answer(urlsplit(self.path).query)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._answer(body.decode() or urlsplit(self.path).query)

    def _answer(self, query: str) -> None:
        fault = self.login.next_fault(urlsplit(self.path).path)
        if fault == "drop":
            return
        if isinstance(fault, tuple):
            self._send(fault[0], fault[1].encode())
            return
        values = {name: v[0] for name, v in parse_qs(query).items()}
        if bearer := self.headers["Authorization"]:
            values["authorization"] = bearer
        status, answer = self.login.answer(urlsplit(self.path).path, values)
        location = answer if status == 302 else ""
        if fault != "lose":
            body = b"" if location else json.dumps(answer).encode()
            self._send(status, body, location)

    def _send(self, status: int, body: bytes, location: str = "") -> None:
        self.send_response(status)
        if location:
            self.send_header("Location", location)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def credential(config: dict[str, Any], **changes: Any) -> Credential:  # noqa: ANN401
    (user,) = users_from_config(config | changes)
    return user.credential
