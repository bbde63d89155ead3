with

heart_rate_days as not materialized (
    select * from {{ ref('heart_rate_days') }}
)

select
    day.user_id,
    day.day,
    sample.timestamp,
    {{ local_time_of_activity('sample.timestamp') }} as timestamp_local,
    sample.bpm,
    sample.source,
    day.created_at,
    day.updated_at
from heart_rate_days as day
{{ activity_days_around('day') }}
cross join lateral (
    select
        {{ instant_of_sample('day') }} as timestamp,
        item.bpm,
        day.sources[item.source_number] as source
    from unnest(day.steps, day.bpm, day.source_numbers)
        with ordinality as item (step, bpm, source_number, number)
) as sample
