"""Logins in a database."""

from __future__ import annotations

import weakref
from contextlib import contextmanager
from typing import TYPE_CHECKING

import sqlalchemy as sa

from tap_oura.errors import SettingError, TokenStoreError
from tap_oura.token_store import LOCK_TIMEOUT, Slot, TokenStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_oura.oauth import Login

#: Seconds that a database may take: SQLite to give its lock, PostgreSQL to answer.
PATIENCE = {
    "sqlite": {"timeout": str(LOCK_TIMEOUT)},
    "postgresql": {"connect_timeout": "15"},
}


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
    if to_regclass('public.oura_logins') is not null
        and to_regclass('tap_oura.oura_logins') is null
    then
        alter table public.oura_logins set schema tap_oura;
    end if;
end
$$
"""


class DatabaseTokenStore(TokenStore):
    """Logins in one table of a database, which a row lock guards."""

    TABLE = sa.Table(
        "oura_logins",
        sa.MetaData(),
        sa.Column("user_id", sa.Text, primary_key=True),
        sa.Column("login", sa.Text, comment="Encrypted with `token_key`."),
        sa.Column("locks", sa.BigInteger, nullable=False, server_default="0"),
    )

    def __init__(self, url: str, keys: str) -> None:
        """Use a database; the table is made where it is missing.

        Raises:
            SettingError: The database cannot be used.
        """
        super().__init__(keys)
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

    def read(self, user_id: str) -> Login | None:
        """An account's login, without waiting for its lock."""
        with self._transaction() as connection:
            return self._read(connection, user_id)

    def user_ids(self) -> list[str]:
        """The accounts that have a login."""
        table = self.TABLE
        query = sa.select(table.c.user_id).where(table.c.login.is_not(None))
        with self._transaction() as connection:
            return sorted(connection.scalars(query))

    def delete(self, user_id: str) -> None:
        """Forget a login."""
        with self._transaction() as connection:
            connection.execute(
                sa.delete(self.TABLE).where(self.TABLE.c.user_id == user_id)
            )

    @contextmanager
    def lock(self, user_id: str) -> Iterator[Slot]:
        """Hold the account's row.

        An update takes the row lock in every database, and through a connection
        pooler too, where session locks do not work.
        """
        table = self.TABLE
        mine = table.c.user_id == user_id
        self._ensure_row(user_id)
        with self._transaction() as connection:
            connection.execute(
                sa.update(table).where(mine).values(locks=table.c.locks + 1)
            )
            slot = Slot(self._read(connection, user_id))
            yield slot
            if slot.changed and slot.login:
                encrypted = self._encrypt(slot.login)
                connection.execute(sa.update(table).where(mine).values(login=encrypted))

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

    def _ensure_row(self, user_id: str) -> None:
        try:
            with self._transaction() as connection:
                connection.execute(sa.insert(self.TABLE).values(user_id=user_id))
        except sa.exc.IntegrityError:
            pass  # it was there already

    def _read(self, connection: sa.Connection, user_id: str) -> Login | None:
        query = sa.select(self.TABLE.c.login).where(self.TABLE.c.user_id == user_id)
        stored = connection.scalar(query)
        return self._decrypt(stored) if stored else None


def _completed(url: str) -> sa.URL:
    """The URL with what it leaves open: driver and patience."""
    parsed = sa.make_url(url)
    if parsed.drivername in {"postgres", "postgresql"}:
        parsed = parsed.set(drivername="postgresql+psycopg")
    patience = PATIENCE.get(parsed.get_backend_name(), {})
    return parsed.set(query={**patience, **parsed.query})
