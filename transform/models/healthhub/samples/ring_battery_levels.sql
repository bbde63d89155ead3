with

ring_battery_level_days as not materialized (
    select * from {{ ref('ring_battery_level_days') }}
)

select
    day.user_id,
    day.day,
    sample.timestamp,
    {{ local_time_of_activity('sample.timestamp') }} as timestamp_local,
    sample.level,
    sample.charging,
    sample.in_charger,
    day.created_at,
    day.updated_at
from ring_battery_level_days as day
{{ activity_days_around('day') }}
cross join lateral (
    select
        {{ instant_of_sample('day') }} as timestamp,
        item.level,
        item.charging,
        item.in_charger
    from unnest(day.steps, day.level, day.charging, day.in_charger)
        with ordinality as item (step, level, charging, in_charger, number)
) as sample
