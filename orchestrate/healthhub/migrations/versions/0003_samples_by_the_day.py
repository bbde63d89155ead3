"""Samples by the day: a raw row holds those of a UTC day, as the tap now sends them.

What was read before is put together day by day, month by month of an account, so that
memory holds a month at most; Oura is not asked again. All of it is one transaction: a
conversion that is killed has changed nothing. dbt then makes `heart_rate_days` of it
and a view of the table `heart_rate`, and so for the battery.
"""

import sqlalchemy as sa
from alembic import op

from healthhub.errors import HealthHubError

revision = "0003"
down_revision = "0002"

_FIELDS = {
    "heartrate": ("timestamp_unix", "bpm", "source"),
    "ring_battery_level": ("timestamp_unix", "charging", "in_charger", "level"),
}
_TABLES = {"heartrate": "heart_rate", "ring_battery_level": "ring_battery_levels"}

_IS_BY_SAMPLE = """
select exists (
    select from pg_attribute
    where
        attrelid = to_regclass(%(table)s)
        and attname = 'timestamp'
        and not attisdropped
)
"""
# A table cannot become a view beneath what reads it.
_READ_BY_OTHERS = """
select distinct view.oid::regclass::text as view, read.oid::regclass::text as read
from pg_depend
inner join pg_rewrite on pg_depend.objid = pg_rewrite.oid
inner join pg_class as view on pg_rewrite.ev_class = view.oid
inner join pg_class as read on pg_depend.refobjid = read.oid
where
    pg_depend.classid = 'pg_rewrite'::regclass
    and read.oid in (
        to_regclass('raw_oura.' || %(stream)s),
        to_regclass('healthhub_staging.stg_oura__' || %(stream)s),
        to_regclass('healthhub.' || %(table)s)
    )
    and view.oid != read.oid
    and view.oid is distinct from to_regclass(
        'healthhub_staging.stg_oura__' || %(stream)s
    )
limit 1
"""
_CREATE = """
create table raw_oura.{stream}_by_day (
    user_id uuid,
    day date,
    samples jsonb,
    unknown_fields jsonb,
    _sdc_extracted_at timestamp,
    _sdc_received_at timestamp,
    _sdc_batched_at timestamp,
    _sdc_deleted_at timestamp,
    _sdc_sequence bigint,
    _sdc_table_version bigint,
    _sdc_sync_started_at bigint,
    primary key (user_id, day)
)
"""
_MONTHS = """
select account.user_id, month
from (
    select user_id, min(timestamp) as first, max(timestamp) as last
    from raw_oura.{stream}
    group by user_id
) as account
cross join
    generate_series(
        date_trunc('month', account.first), account.last, interval '1 month'
    ) as month
"""
# A column that is NULL throughout is left out; `unknown_fields` gets the same shape.
_CONVERT = """
insert into raw_oura.{stream}_by_day
select
    user_id,
    timestamp::date,
    jsonb_strip_nulls(jsonb_build_object(
        'timestamp', jsonb_agg((to_jsonb(timestamp) #>> '{{}}') || '+00:00' {in_order})
        {columns}
    )),
    case when bool_or(unknown_fields != 'null' and unknown_fields != '{{}}') then (
        select
            jsonb_object_agg(
                name,
                (
                    select jsonb_agg(field.value -> name order by number)
                    from
                        jsonb_array_elements(jsonb_agg(unknown_fields {in_order}))
                        with ordinality as field (value, number)
                )
            )
        from (
            select distinct jsonb_object_keys(value) as name
            from jsonb_array_elements(jsonb_agg(unknown_fields)) as field (value)
            where jsonb_typeof(value) = 'object'
        ) as names
    ) end,
    max(_sdc_extracted_at),
    max(_sdc_received_at),
    max(_sdc_batched_at),
    null,
    max(_sdc_sequence),
    max(_sdc_table_version),
    max(_sdc_sync_started_at)
from raw_oura.{stream}
where
    user_id = %(user_id)s
    and timestamp >= %(month)s
    and timestamp < %(month)s + interval '1 month'
    and _sdc_deleted_at is null
group by user_id, timestamp::date
"""
_REPLACE = """
drop table raw_oura.{stream} cascade;
alter table raw_oura.{stream}_by_day rename to {stream};
alter index raw_oura.{stream}_by_day_pkey rename to {stream}_pkey
"""
# dbt finds them again.
_FORGET_SET_ASIDE = """
do $$
begin
    if to_regclass('healthhub.set_aside_documents') is not null then
        delete from healthhub.set_aside_documents
        where table_name in ('heart_rate', 'ring_battery_levels');
    end if;
end
$$
"""


def upgrade() -> None:
    """Convert what there is.

    Raises:
        HealthHubError: Somebody has built upon a table that is made anew.
    """
    connection = op.get_bind()
    op.execute("set local statement_timeout = 0")
    for stream, fields in _FIELDS.items():
        is_by_sample = connection.exec_driver_sql(
            _IS_BY_SAMPLE, {"table": f"raw_oura.{stream}"}
        )
        if is_by_sample.scalar():
            _check_that_nobody_reads_it(connection, stream)
            _convert(connection, stream, fields)
    op.execute(_FORGET_SET_ASIDE)
    op.alter_column(
        "job_runs",
        "record_counts",
        comment="Documents fetched, new, changed and deleted, per stream; of heartrate "
        "and ring_battery_level, days of samples.",
        schema="healthhub",
    )


def _convert(connection: sa.Connection, stream: str, fields: tuple[str, ...]) -> None:
    connection.exec_driver_sql(_CREATE.format(stream=stream))
    convert = _CONVERT.format(
        stream=stream,
        in_order="order by timestamp",
        columns="".join(map(_column, fields)),
    )
    months = connection.exec_driver_sql(_MONTHS.format(stream=stream)).all()
    for user_id, month in months:
        parameters = {"user_id": user_id, "month": month}
        connection.exec_driver_sql(convert, parameters)
    connection.exec_driver_sql(_REPLACE.format(stream=stream))


def _check_that_nobody_reads_it(connection: sa.Connection, stream: str) -> None:
    parameters = {"stream": stream, "table": _TABLES[stream]}
    found = connection.exec_driver_sql(_READ_BY_OTHERS, parameters).first()
    if found:
        message = (
            f"Your view {found.view} reads {found.read}, which is about to be made "
            f"anew. Nothing was changed: drop {found.view}, run this again, and then "
            "create it anew."
        )
        raise HealthHubError(message)


def _column(name: str) -> str:
    if name == "source":  # part of the key: empty where Oura sends none
        return ", 'source', jsonb_agg(coalesce(source, '') order by timestamp)"
    values = f"jsonb_agg({name} order by timestamp)"
    return f", '{name}', case when count({name}) > 0 then {values} end"


def downgrade() -> None:
    """Days stay days: a run reads them again by the sample where it should."""
