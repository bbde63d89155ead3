"""Logins in a database."""

from __future__ import annotations

import threading
import time
import weakref
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

import sqlalchemy as sa

from tap_oura.errors import SettingError, TokenStoreError
from tap_oura.token_store import LOCK_TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Iterator

Value = TypeVar("Value")

#: Seconds that a database may take: SQLite to give its lock, PostgreSQL to answer.
PATIENCE = {
    "sqlite": {"timeout": str(LOCK_TIMEOUT)},
    "postgresql": {"connect_timeout": "15"},
}

#: Seconds between two signs of life of the holder of a lock.
HEARTBEAT = 2.0

#: Seconds without one after which a lock is free again.
SILENCE = 15.0

#: Seconds between two looks at a lock that another process holds.
LOOK = 0.2


#: Where PostgreSQL keeps the logins unless the URL's `search_path` names a schema.
#: Not in `public`, which Supabase and others offer to everybody by an API.
SCHEMA = "tap_oura"

_MAKE_SCHEMA = """
do $$
begin
    perform pg_advisory_xact_lock(4207119387);
    if to_regnamespace('tap_oura') is null then
        create schema tap_oura;
    end if;
    revoke all on schema tap_oura from public;
    -- before 0.1.0: the logins were there.
    if to_regclass('public.oura_logins') is not null
        and to_regclass('tap_oura.oura_logins') is null
    then
        alter table public.oura_logins set schema tap_oura;
    end if;
end
$$
"""


class LoginTable:
    """A `Place` for logins: one table of a database.

    A lock is no transaction, which would stay open while Oura is asked, and which
    databases and poolers end when it is idle. It is the sign of a number: below zero
    while it is held, and every change of it is a sign of life. So no clock is
    compared with another, and the lock of a process that was killed ends by itself.
    """

    TABLE = sa.Table(
        "oura_logins",
        sa.MetaData(),
        sa.Column("user_id", sa.Text, primary_key=True),
        sa.Column("login", sa.Text, comment="Encrypted with `token_key`."),
        sa.Column("locks", sa.BigInteger, nullable=False, server_default="0"),
    )

    def __init__(self, url: str) -> None:
        """Use a database; the table is made where it is missing.

        Raises:
            SettingError: The database cannot be used.
        """
        self._schema: str | None = None
        try:
            self._engine = sa.create_engine(_completed(url), pool_pre_ping=True)
            weakref.finalize(self, self._engine.dispose)
            self._leave_public()
            self._create_table()
        except (sa.exc.SQLAlchemyError, ImportError) as error:
            raise SettingError(
                "The database of `token_store` cannot be used "
                f"({type(error).__name__}). Check its address and its driver."
            ) from None

    def get(self, user_id: str) -> str | None:
        """A user's text."""
        return self._value(self.TABLE.c.login, user_id)

    def put(self, user_id: str, text: str) -> None:
        """Keep a text."""
        self._ensure_row(user_id)
        self._change(_row(user_id), login=text)

    def delete(self, user_id: str) -> None:
        """Forget a text."""
        with self._transaction() as connection:
            connection.execute(sa.delete(self.TABLE).where(_row(user_id)))

    def user_ids(self) -> list[str]:
        """The users that have a text, in order."""
        table = self.TABLE
        query = sa.select(table.c.user_id).where(table.c.login.is_not(None))
        with self._transaction() as connection:
            return sorted(connection.scalars(query))

    @contextmanager
    def lock(self, user_id: str) -> Iterator[None]:
        """Hold a user's lock."""
        held = self._acquire(user_id)
        ended = threading.Event()
        heart = threading.Thread(
            target=self._beat, args=(user_id, held, ended), daemon=True
        )
        heart.start()
        try:
            yield
        finally:
            ended.set()
            heart.join()

    def _acquire(self, user_id: str) -> int:
        """Take the lock as soon as it is free, or its holder silent.

        Returns:
            The number that says so.

        Raises:
            TokenStoreError: It is held for longer than any refresh takes.
        """
        began = since = time.monotonic()
        seen: int | None = None
        pause = threading.Event()
        while time.monotonic() < began + LOCK_TIMEOUT:
            self._ensure_row(user_id)
            locks = int(self._value(self.TABLE.c.locks, user_id) or 0)
            if locks != seen:
                seen, since = locks, time.monotonic()
            is_free = locks >= 0 or time.monotonic() > since + SILENCE
            held = -abs(locks) - 1
            if is_free and self._set_locks(user_id, locks, held):
                return held
            pause.wait(LOOK)
        raise TokenStoreError(
            f"Another process has locked the login of user {user_id} for minutes. "
            "Wait for it or end it, then run again."
        )

    def _beat(self, user_id: str, held: int, ended: threading.Event) -> None:
        """Give signs of life until the end, and the lock back then.

        A database that is out of reach for a while is no reason to stop: no other
        process can take the lock then.
        """
        while not ended.wait(HEARTBEAT):
            with suppress(TokenStoreError):
                if not self._set_locks(user_id, held, held - 1):
                    return
                held -= 1
        with suppress(TokenStoreError):
            self._set_locks(user_id, held, -held)

    def _set_locks(self, user_id: str, before: int, after: int) -> bool:
        """Change the number, unless another process has done so."""
        return self._change(_row(user_id) & (self.TABLE.c.locks == before), locks=after)

    def _value(self, column: sa.Column[Value], user_id: str) -> Value | None:
        with self._transaction() as connection:
            return connection.scalar(sa.select(column).where(_row(user_id)))

    def _change(self, which: sa.ColumnElement[bool], **values: object) -> bool:
        change = sa.update(self.TABLE).where(which).values(values)
        with self._transaction() as connection:
            return connection.execute(change).rowcount == 1

    def _ensure_row(self, user_id: str) -> None:
        if self._value(self.TABLE.c.user_id, user_id) is None:
            with suppress(sa.exc.IntegrityError), self._transaction() as connection:
                connection.execute(sa.insert(self.TABLE).values(user_id=user_id))

    @contextmanager
    def _transaction(self) -> Iterator[sa.Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except sa.exc.IntegrityError:
            raise
        except sa.exc.SQLAlchemyError as error:
            raise TokenStoreError(
                "The database of `token_store` does not answer as it should "
                f"({type(error).__name__}). Check it, then run again."
            ) from None

    def _leave_public(self) -> None:
        """Use a schema of our own, with the logins that an older version has made."""
        if self._engine.dialect.name != "postgresql":
            return
        with self._engine.begin() as connection:
            current = connection.scalar(sa.select(sa.func.current_schema()))
            if current not in {None, "public"}:
                return
            connection.exec_driver_sql(_MAKE_SCHEMA)
        self._schema = SCHEMA
        elsewhere = {None: SCHEMA}
        self._engine = self._engine.execution_options(schema_translate_map=elsewhere)

    def _create_table(self) -> None:
        """Make the table, unless another process is the first."""
        try:
            self.TABLE.create(self._engine, checkfirst=True)
        except sa.exc.DBAPIError:
            if not sa.inspect(self._engine).has_table(self.TABLE.name, self._schema):
                raise


def _row(user_id: str) -> sa.ColumnElement[bool]:
    return LoginTable.TABLE.c.user_id == user_id


def _completed(url: str) -> sa.URL:
    """The URL with what it leaves open: driver and patience."""
    parsed = sa.make_url(url)
    if parsed.drivername in {"postgres", "postgresql"}:
        parsed = parsed.set(drivername="postgresql+psycopg")
    patience = PATIENCE.get(parsed.get_backend_name(), {})
    return parsed.set(query={**patience, **parsed.query})
