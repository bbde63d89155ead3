"""All that a run needs, tried one by one, and what to do about what is wrong."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from dotenv import dotenv_values

from healthhub.errors import HealthHubError
from healthhub.masking import is_secret
from healthhub.meltano import check_plugins
from healthhub.migrations import applied_revision, newest_revision
from healthhub.settings import (
    DOTENV,
    SettingsError,
    known_variables,
    load_settings,
    using_database,
    variables,
)
from healthhub.tap_auth import try_settings, try_tokens
from healthhub.tap_environment import chosen_users, named_users
from healthhub.tap_users import TOKEN_VARIABLE, rescued_logins
from healthhub.users import all_users

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping
    from pathlib import Path

    import psycopg

    from healthhub.database import Database

_API_URL = "https://api.ouraring.com"
_TIMEOUT = 10  # seconds
_CLOCK_TOLERANCE = 60  # seconds

# Names that begin so are meant for us; or for programs that read .env, too.
_OURS = ("TAP_OURA_", "OURA_", "HEALTHHUB_")
_OF_OTHERS = ("MELTANO_", "DBT_", "TARGET_POSTGRES_", "PG", "BACKUP_PASSPHRASE")

# What others call it, too different from our name to be found by its letters.
_MEANT = {
    "OURA_TOKEN": "OURA_PAT",
    "OURA_API_TOKEN": "OURA_PAT",
    "OURA_ACCESS_TOKEN": "OURA_PAT",
    "OURA_PERSONAL_ACCESS_TOKEN": "OURA_PAT",
    "DATABASE_URL": "SUPABASE_DB_URL",
    "POSTGRES_URL": "SUPABASE_DB_URL",
    "SUPABASE_URL": "SUPABASE_DB_URL",
}
_ALIKE = 0.75  # of 1

_READ_ONLY = "select current_setting('transaction_read_only')::boolean"
_MAY_CREATE = "select has_database_privilege(current_database(), 'create')"


@dataclass(frozen=True)
class Check:
    """What was tried, whether it works, and the finding or the next step."""

    subject: str
    is_good: bool | None
    finding: str


def _good(subject: str, finding: str) -> Check:
    return Check(subject, is_good=True, finding=finding)


def _bad(subject: str, finding: str) -> Check:
    return Check(subject, is_good=False, finding=finding)


def _idle(subject: str, finding: str) -> Check:
    return Check(subject, is_good=None, finding=finding)


def checks(project: Path) -> Iterator[Check]:
    """Try everything, as far as what comes before allows it."""
    settings, has_plugins = None, True
    wrong: Mapping[str, str] = {}
    try:
        settings = load_settings(project)
    except SettingsError as error:
        wrong = error.sentences
    yield from _variables(project, wrong)
    if (project / DOTENV).exists():
        yield _privacy(project / DOTENV)
    try:
        check_plugins(project)
    except HealthHubError as error:
        has_plugins = False
        yield _bad("plugins", str(error))
    known = variables(project)
    reads_oura = True
    if settings:
        try:
            with using_database(settings) as lease:
                knows_users = yield from _database(lease.database)
                if has_plugins:
                    users = lease.database if knows_users else None
                    reads_oura = yield from _users(project, users, known)
        except HealthHubError as error:
            yield _bad("database", str(error))
    if reads_oura:
        yield from _api(known.get("TAP_OURA_API_URL", _API_URL))


def _privacy(file: Path) -> Check:
    """Whether only its owner can read a file of secrets."""
    if file.stat().st_mode & 0o077:
        return _bad(file.name, f"Others on this machine can read it: chmod 600 {file}")
    return _good(file.name, "nobody else on this machine can read it")


def _variables(project: Path, wrong: Mapping[str, str]) -> Iterator[Check]:
    """What is set, and from where; and what looks like a setting, but is none."""
    known, in_file = known_variables(project), dotenv_values(project / DOTENV)
    is_set = variables(project)
    if not known & set(is_set):
        yield _good("settings", "none is set, all have defaults")
    for name in sorted({*in_file, *is_set, *wrong}):
        where = "the environment" if name in os.environ else DOTENV
        if name in wrong:
            yield _bad(name, wrong[name])
        elif name in known or name.startswith(TOKEN_VARIABLE):
            if name in is_set:
                value = "a secret" if is_secret(name) else is_set[name]
                yield _good(name, f"{value}, from {where}")
        elif name in in_file or name.startswith(_OURS):
            meant = _MEANT.get(name) or next(
                iter(get_close_matches(name, known, 1, _ALIKE)), None
            )
            if meant:
                yield _bad(
                    name, f"No setting has this name ({where}). Did you mean {meant}?"
                )
            elif not name.startswith(_OF_OTHERS):
                yield _idle(name, f"Nothing here reads it ({where}).")


def _database(database: Database) -> Generator[Check, None, bool]:
    """Try what a run does with it. Returns whether it has the table of the users."""
    with database.connect() as connection:
        version = connection.info.parameter_status("server_version")
        yield _good("database", f"PostgreSQL {version} at {database.address}")
        yield _encryption(database, connection)
        if connection.execute(_READ_ONLY).fetchone() == (True,):
            yield _bad(
                "writing",
                "The database is read-only. Find out why (on Supabase: a full disk).",
            )
        applied = applied_revision(connection)
        yield _migrations(connection, applied)
        for (time,) in connection.execute("select clock_timestamp()"):
            yield _clock("clock of the database", time)
    return applied is not None


def _encryption(database: Database, connection: psycopg.Connection) -> Check:
    if database.is_local:
        return _idle("encryption", "not needed, it is on this machine")
    if not connection.pgconn.ssl_in_use:
        return _bad(
            "encryption",
            "Everything goes over the network in clear. Take ?sslmode=disable out of "
            "SUPABASE_DB_URL.",
        )
    mode = database.parameters.get("sslmode") or os.environ.get("PGSSLMODE", "")
    if mode == "verify-full":
        return _good("encryption", "TLS, and the server is who it says it is")
    if database.has_authority:
        remedy = f"Take ?sslmode={mode} away, from SUPABASE_DB_URL or PGSSLMODE."
    elif "supabase" in database.host:
        remedy = (
            "Download Supabase's certificate (Database, Settings, SSL Configuration), "
            "put it beside .env, and append ?sslrootcert=prod-ca-2021.crt to "
            "SUPABASE_DB_URL."
        )
    else:
        remedy = (
            "Append ?sslrootcert=/path/to/ca.crt to SUPABASE_DB_URL, or "
            "?sslrootcert=system where a public authority vouches for the server."
        )
    return _bad(
        "encryption",
        "The connection is encrypted, but the server's certificate is not "
        f"verified. {remedy}",
    )


def _migrations(connection: psycopg.Connection, found: str | None) -> Check:
    wanted = newest_revision()
    if found is None:
        if connection.execute(_MAY_CREATE).fetchone() != (True,):
            return _bad(
                "migrations",
                f"{connection.info.user} may not create schemas: grant create on "
                f"database {connection.info.dbname} to {connection.info.user}",
            )
        return _idle("migrations", "none was applied yet: the first run does it")
    if found != wanted:
        return _bad(
            "migrations", f"at {found}, the newest is {wanted}: `healthhub migrate`"
        )
    return _good("migrations", f"up to date ({found})")


def _clock(subject: str, theirs: datetime) -> Check:
    """Compare it with this machine's."""
    seconds = round((datetime.now(UTC) - theirs).total_seconds())
    if abs(seconds) <= _CLOCK_TOLERANCE:
        return _good(subject, "agrees with this machine's")
    ahead = "ahead of" if seconds > 0 else "behind"
    return _bad(
        subject,
        f"This machine is {abs(seconds)} s {ahead} it. Set this machine's clock by "
        "network time.",
    )


def _users(
    project: Path, database: Database | None, known: dict[str, str]
) -> Generator[Check, None, bool]:
    """Try each token. Returns whether Oura is read at all.

    The database is None before its first migration; the environment has tokens, too.
    """
    try:
        users = chosen_users(database, known) if database else named_users(known)
        if users is None:
            try_settings(project, known)
            yield _idle("users", "none: the sandbox is read, synthetic data")
            return False
        names = _names(database) if database else {}
        for answer in try_tokens(project, known | users):
            yield _user(names, answer)
        # Trying a login has moved it back into the database: these could not be moved.
        for user_id, file in rescued_logins(known).items():
            yield _bad(
                f"login of {names.get(user_id, user_id)}",
                f"The database does not take it: it is kept, encrypted, in {file}. Do "
                "not delete that. See that the database can be written to, then run "
                "`healthhub check` again.",
            )
    except HealthHubError as error:
        yield _bad("users", str(error))
    return True


def _names(database: Database) -> dict[str, str]:
    with database.connect() as connection:
        return {str(user.user_id): user.alias for user in all_users(connection)}


def _user(names: dict[str, str], answer: dict[str, Any]) -> Check:
    user_id = answer["user_id"] or "of OURA_PAT"
    subject = f"user {names.get(user_id, user_id)}"
    if problem := answer["problem"]:
        return _bad(subject, problem.replace(user_id, names.get(user_id, user_id)))
    if answer["scopes"] is None:
        return _good(subject, "the token works; what it opens, a run shows")
    finding = f"logged in, for: {', '.join(answer['scopes'])}"
    if missing := ", ".join(answer["missing_scopes"] or ()):
        finding += (
            f". Not shared: {missing}. To share it, `healthhub users login` with that "
            "box ticked"
        )
    return _good(subject, finding)


def _api(url: str) -> Iterator[Check]:
    """See whether it answers; which answer it is does not matter."""
    import requests  # noqa: PLC0415 (slow, and rarely needed)

    try:
        answer = requests.get(
            f"{url.rstrip('/')}/v2/usercollection/personal_info", timeout=_TIMEOUT
        )
    except requests.RequestException as error:
        yield _bad(
            "Oura's API",
            f"{url} does not answer ({type(error).__name__}). Check the network, and "
            "TAP_OURA_API_URL if it is set.",
        )
        return
    yield _good("Oura's API", f"{urlsplit(url).netloc} answers")
    if stamp := answer.headers.get("Date"):
        yield _clock("clock of the API", parsedate_to_datetime(stamp))
