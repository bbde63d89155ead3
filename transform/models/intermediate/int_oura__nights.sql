-- Of the sleep periods of a day one is the night: a long sleep before a nap,
-- then the longest, then the earliest. What the user deleted and what was no
-- sleep after all (`rest`) does not count; the others are naps.
with

counted as (
    select
        *,
        row_number() over (
            partition by user_id, day
            order by
                coalesce(type = 'long_sleep', false) desc,
                total_sleep_duration desc nulls last,
                bedtime_start asc,
                document_id asc
        ) as place,
        count(*) over (partition by user_id, day) - 1 as nap_count,
        coalesce(sum(total_sleep_duration) over (partition by user_id, day), 0)
        - coalesce(total_sleep_duration, 0) as nap_duration
    from {{ ref('sleep_periods') }}
    where type is null or type not in ('deleted', 'rest')
)

select * from counted
where place = 1
