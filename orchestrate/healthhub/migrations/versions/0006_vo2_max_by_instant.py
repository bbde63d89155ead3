"""An estimate of VO2 max by its instant, however that is written.

The tap knows one by `timestamp_utc` now. By the text of `timestamp`, one that Oura sent
again with another offset was a second row, and the first could later delete what both
had made of it. Of such rows the one read last stays.
"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_COLUMNS = """
select attname from pg_attribute
where attrelid = to_regclass('raw_oura.vo2_max') and attnum > 0 and not attisdropped
"""
_ADD = "alter table raw_oura.vo2_max add column timestamp_utc text"
_FILL = """
update raw_oura.vo2_max set timestamp_utc = :instant where timestamp = :timestamp
"""
_DROP_TWICE = """
delete from raw_oura.vo2_max
where ctid not in (
    select distinct on (user_id, timestamp_utc) ctid
    from raw_oura.vo2_max
    order by user_id, timestamp_utc, _sdc_extracted_at desc nulls last
)
"""
_NEW_KEY = """
alter table raw_oura.vo2_max
drop constraint if exists vo2_max_pkey,
alter column timestamp drop not null,
add primary key (user_id, timestamp_utc)
"""


def upgrade() -> None:
    """Bring along what is stored."""
    connection = op.get_bind()
    columns = connection.scalars(sa.text(_COLUMNS)).all()
    if not columns or "timestamp_utc" in columns:
        return
    op.execute(_ADD)
    stored = connection.scalars(sa.text("select timestamp from raw_oura.vo2_max"))
    for timestamp in set(stored):
        parameters = {"timestamp": timestamp, "instant": _in_utc(timestamp)}
        connection.execute(sa.text(_FILL), parameters)
    op.execute(_DROP_TWICE)
    op.execute(_NEW_KEY)


def _in_utc(timestamp: str) -> str:
    """As the tap writes it: as stored where it is no instant."""
    try:
        instant = datetime.fromisoformat(timestamp)
        return instant.astimezone(UTC).isoformat() if instant.tzinfo else timestamp
    except (ValueError, OverflowError):
        return timestamp


def downgrade() -> None:
    """The rows of one instant are one for good."""
