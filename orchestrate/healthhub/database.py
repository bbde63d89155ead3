"""How to reach a PostgreSQL, in every spelling that someone needs."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import psycopg
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict

from healthhub.errors import HealthHubError, about_state

if TYPE_CHECKING:
    from collections.abc import Mapping

_CONNECT_TIMEOUT = 10
_LOOPBACK = ("localhost", "127.0.0.1", "::1")

# Of libpq's variables, these do not say where the database is or whose it is.
_HARMLESS = ("PGSSL", "PGPASS")
_PERCENT_ENCODE = (
    "is not a PostgreSQL URL like postgres://user:password@host:5432/postgres "
    "(in the password write % as %25, @ as %40, / as %2F, : as %3A)"
)
_POOLER = ".pooler.supabase.com"
_TRANSACTION_POOLER = (
    "names Supabase's transaction pooler (port 6543), which mixes up what belongs to "
    "one session: take the session pooler, port 5432 of the same host"
)
_DIRECT_HOST = re.compile(r"db\.\w+\.supabase\.co")
_NO_IPV6 = "unreachable|translate host name|resolve|assign requested"
_DIRECT_HOST_HAS_IPV6_ONLY = (
    "Cannot reach the database at {address}: Supabase's direct host has an IPv6 "
    "address only, and this machine has no IPv6, like the runners of GitHub. Put the "
    "address of the session pooler (port 5432) into {where}."
)

# What libpq says where there is no connection, and what to do about it.
_REFUSALS = {
    "password authentication failed": "The database at {address} refuses the password "
    "of {user}. Correct {where}.",
    "does not support SSL": "The database at {address} has no TLS. Switch it on there, "
    "or where the network is trusted, append ?sslmode=disable to {where}.",
    "certificate": "The certificate of the database at {address} is not trusted. Name "
    "its CA in {where}: ?sslrootcert=/path/to/ca.crt",
}
# The same, where no more is known than why. What else may be wrong: errors.py.
_REASONS = {
    "Connection refused": "nothing listens there",
    "timeout": f"no answer within {_CONNECT_TIMEOUT} seconds",
    "resolve|translate host name": "there is no such host",
    'database ".*" does not exist': 'it has no database "{dbname}"',
}


def forget_other_databases() -> None:
    """Remove libpq's variables from the environment: only the settings name a database.

    PGHOSTADDR, PGSERVICE or PGOPTIONS of a shell would lead this process and its
    children elsewhere.
    """
    for option in pq.Conninfo.get_defaults():
        name = option.envvar.decode() if option.envvar else ""
        if not name.startswith(_HARMLESS):
            os.environ.pop(name, None)
    os.environ.pop("PGSERVICEFILE", None)


def has_relation(connection: psycopg.Connection, name: str) -> bool:
    """Whether there is a table or view of that name."""
    found = connection.execute("select to_regclass(%s) is not null", (name,))
    return found.fetchone() == (True,)


@dataclass(frozen=True)
class Database:
    """The parameters of a connection, by libpq's keywords.

    Attributes:
        came_from: What to correct when the database cannot be reached.
    """

    parameters: Mapping[str, str] = field(repr=False)
    came_from: str = "the parameters"

    @classmethod
    def from_url(cls, url: str, came_from: str = "the URL") -> Database:
        """Read `postgres://` or `postgresql://` as libpq does.

        Raises:
            ValueError: What is wrong with it, without any part of it.
        """
        if not url.startswith(("postgres://", "postgresql://")) or url.count("@") != 1:
            raise ValueError(_PERCENT_ENCODE)
        if "[YOUR-PASSWORD]" in url:
            raise ValueError("still has [YOUR-PASSWORD] where the password belongs")
        try:
            said = conninfo_to_dict(url)
        except psycopg.Error:
            # libpq quotes the part that it does not understand: maybe the password.
            raise ValueError(_PERCENT_ENCODE) from None
        parameters = {keyword: str(value) for keyword, value in said.items() if value}
        port = parameters.setdefault("port", "5432")
        if not (parameters.keys() >= {"host", "user"} and port.isdecimal()):
            raise ValueError(_PERCENT_ENCODE)
        parameters.setdefault("dbname", "postgres")
        if parameters["host"].endswith(_POOLER) and parameters["port"] == "6543":
            raise ValueError(_TRANSACTION_POOLER)
        database = cls(parameters, came_from)
        if not (database.is_local or "PGSSLMODE" in os.environ):
            # libpq's default would send everything in clear where TLS fails.
            safest = "verify-full" if database.has_authority else "require"
            parameters.setdefault("sslmode", safest)
        return database

    @property
    def has_authority(self) -> bool:
        """Whether the certificate authority of the server is named."""
        return (
            "sslrootcert" in self.parameters
            or "PGSSLROOTCERT" in os.environ
            or (Path.home() / ".postgresql" / "root.crt").exists()
        )

    @property
    def is_local(self) -> bool:
        """Whether nothing leaves this machine on the way to it."""
        return self.host in _LOOPBACK

    @property
    def host(self) -> str:
        """Its host name or address."""
        return self.parameters["host"]

    @property
    def address(self) -> str:
        """Host and port, as messages name them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.parameters['port']}"

    @property
    def url(self) -> str:
        """The `postgresql://` URL, with the password in it."""
        rest = dict(self.parameters)
        for part in ("host", "port"):
            del rest[part]
        who = quote(rest.pop("user"), safe="")
        if password := rest.pop("password", None):
            who += f":{quote(password, safe='')}"
        name = quote(rest.pop("dbname"), safe="")
        query = f"?{urlencode(rest, quote_via=quote)}" if rest else ""
        return f"postgresql://{who}@{self.address}/{name}{query}"

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which every libpq client finds it (PGHOST, ...)."""
        return {
            option.envvar.decode(): self.parameters[keyword]
            for option in pq.Conninfo.get_defaults()
            if option.envvar and (keyword := option.keyword.decode()) in self.parameters
        }

    def connect(self, **options: Any) -> psycopg.Connection:  # noqa: ANN401 (psycopg's own)
        """Open a connection, or say in one sentence why there is none."""
        parameters = {"connect_timeout": _CONNECT_TIMEOUT, **self.parameters, **options}
        try:
            # No prepared statements: a transaction pooler does not know them.
            return psycopg.connect(**parameters, prepare_threshold=None)
        except psycopg.OperationalError as error:
            raise HealthHubError(self._explain(str(error))) from None

    def _explain(self, reason: str) -> str:
        """Turn libpq's paragraph into a sentence with the next step."""
        known = {**self.parameters, "address": self.address, "where": self.came_from}
        if _DIRECT_HOST.fullmatch(self.host) and re.search(_NO_IPV6, reason):
            return _DIRECT_HOST_HAS_IPV6_ONLY.format(**known)
        for words, sentence in _REFUSALS.items():
            if words in reason:
                return sentence.format(**known)
        whys = (why for words, why in _REASONS.items() if re.search(words, reason))
        why = next(whys, "").format(**known)
        if not why:
            last_line = reason.strip().splitlines()[-1]
            why = re.split("failed: |FATAL: ", last_line)[-1].strip()
            if state := about_state(why):
                return state
        return (
            f"Cannot use the database at {self.address}: {why}. "
            f"Check {self.came_from}, and that the server is up."
        )
