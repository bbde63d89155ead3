-- Each user, the time zone that its days are meant in, and the last day of
-- which everything was read: Oura's days end at 4 a.m.
with

readings as (
    select
        user_id,
        max(synced_at) at time zone 'UTC' as last_read_at
    from {{ ref('stg_oura__sync_windows') }}
    where outcome = 'ok'
    group by user_id
),

known as (
    select * from {{ staging_schema() }}.users()
),

zoned as (
    select
        readings.user_id,
        readings.last_read_at,
        coalesce(known.timezone, 'UTC') as timezone
    from readings
    left join known
        on readings.user_id = known.user_id
)

select
    user_id,
    timezone,
    last_read_at,
    cast(
        last_read_at at time zone timezone - interval '28 hours' as date
    ) as last_complete_day
from zoned
