"""What became of each user in a run, by what the tap has on record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from psycopg.rows import class_row

from healthhub.meltano_log import UNAUTHORIZED

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    import psycopg

_EXISTS = "select to_regclass('raw_oura.sync_windows') is not null"
_OUTCOMES = """
select
    user_id::uuid as user_id,
    count(*) filter (where outcome = 'ok') as complete_windows,
    array_agg(distinct outcome) filter (
        where outcome not in ('ok', 'missing_scope')
    ) as failures,
    array_agg(distinct detail) filter (
        where outcome = 'missing_scope'
    ) as missing_scopes
from raw_oura.sync_windows
where
    -- By the first of them, an index finds what the run has written.
    _sdc_batched_at >= %(since)s at time zone 'UTC'
    and synced_at >= %(since)s at time zone 'UTC'
group by user_id
order by user_id
"""


@dataclass(frozen=True)
class UserOutcome:
    """One user in a run.

    Attributes:
        user_id: The user.
        complete_windows: How much could be read.
        failures: Why something could not, in the tap's words; None if all could.
        missing_scopes: What the user does not share.
    """

    user_id: UUID
    complete_windows: int
    failures: list[str] | None
    missing_scopes: list[str] | None

    @property
    def needs_login(self) -> bool:
        """Whether its token was refused."""
        return UNAUTHORIZED in (self.failures or ())


def user_outcomes(connection: psycopg.Connection, since: datetime) -> list[UserOutcome]:
    """The users that were read since then, on this machine's clock."""
    if connection.execute(_EXISTS).fetchone() != (True,):
        return []
    with connection.cursor(row_factory=class_row(UserOutcome)) as cursor:
        return cursor.execute(_OUTCOMES, {"since": since}).fetchall()
