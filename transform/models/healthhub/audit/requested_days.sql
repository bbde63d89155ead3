{% set since = last_reading() %}

with

sync_windows as not materialized (
    select * from {{ ref('stg_oura__sync_windows') }}
),

revisions as not materialized (
    select * from {{ ref('document_revisions') }}
),

heart_rate_days as (
    select * from {{ ref('heart_rate_days') }}
),

ring_battery_level_days as (
    select * from {{ ref('ring_battery_level_days') }}
),

known_users as (
    select * from {{ ref('int_oura__users') }}
),

rest_mode_periods as (
    select * from {{ ref('rest_mode_periods') }}
),

tags as (
    select * from {{ ref('tags') }}
),

read_now as {{ on_each_machine() }} (
    select sync_windows.*
    from sync_windows
    where sync_windows.loaded_at > {{ since }}
),

users as {{ on_each_machine() }} (
    select
        user_id,
        min(synced_at) as synced_at
    from read_now
    group by user_id
),

-- Materialized, or it is worked out for each window.
known as {{ on_each_machine() or 'materialized' }} (
    select
        users.user_id,
        users.synced_at,
        revised.first_document,
        {% if is_incremental() %}
            requested.first_known
        {% else %}
            cast(null as date) as first_known
        {% endif %}
    from users
    left join lateral (
        select min(revision.day) as first_document
        from revisions as revision
        where revision.user_id = users.user_id
            and revision.last_seen_at is null
    ) as revised on true
    {% if is_incremental() %}
        left join lateral (
            select min(requested_day.day) as first_known
            from {{ this }} as requested_day
            where requested_day.user_id = users.user_id
        ) as requested on true
    {% endif %}
),

-- Before its first document there is nothing to know about a user.
first_days as {{ on_each_machine() }} (
    select
        user_id,
        first_known,
        least(cast(synced_at as date), first_document, first_known) as first_day
    from known
),

-- When an older document turned up, what was asked before counts again.
counted as (
    select * from read_now
    union all
    select sync_windows.*
    from first_days
    inner join sync_windows
        on first_days.user_id = sync_windows.user_id
    where first_days.first_day < first_days.first_known
),

asked as (
    select
        counted.user_id,
        counted.stream,
        counted.synced_at,
        counted.outcome,
        counted.detail,
        {{ is_undated('counted.stream') }} as is_undated,
        cast(counted.synced_at as date) as asked_on,
        cast(
            counted.synced_at at time zone 'UTC'
            at time zone coalesce(users.timezone, 'UTC') as date
        ) as today,
        greatest(counted.window_start, first_days.first_day) as first_day,
        least(
            counted.window_end, cast(counted.synced_at as date) + 1
        ) as last_day
    from counted
    inner join first_days
        on counted.user_id = first_days.user_id
    left join known_users as users
        on counted.user_id = users.user_id
),

days as {{ on_each_machine() }} (
    select distinct on (asked.user_id, calendar.day, asked.stream)
        asked.user_id,
        cast(calendar.day as date) as day,
        asked.stream,
        asked.is_undated,
        asked.today,
        asked.outcome,
        asked.detail
    from asked
    cross join
        generate_series(
            cast(case
                when asked.is_undated then asked.asked_on else asked.first_day
            end as timestamp),
            case
                when asked.is_undated then asked.asked_on else asked.last_day
            end,
            interval '1 day'
        ) as calendar (day)
    order by
        asked.user_id, calendar.day, asked.stream, asked.synced_at desc
),

-- A document that Oura moves to another day may leave one that is not read
-- again: then what its route had on all days counts again.
left_behind as {{ on_each_machine() }} (
    select distinct
        revision.user_id,
        revision.stream
    from revisions as revision
    inner join users
        on revision.user_id = users.user_id
    left join days
        on {{ equal_columns(['user_id', 'stream', 'day'], 'days', 'revision') }}
    where revision.updated_at > {{ since }} at time zone 'UTC'
        and revision.last_seen_at is not null
        and revision.day is not null
        and days.user_id is null
),

recounted as {{ on_each_machine() }} (
    select * from days
    {% if is_incremental() %}
        union all
        select
            known.user_id,
            known.day,
            known.stream,
            false as is_undated,
            known.day as today,
            'ok' as outcome,
            cast(null as text) as detail
        from {{ this }} as known
        inner join left_behind
            on known.user_id = left_behind.user_id
                and known.stream = left_behind.stream
        left join days
            on {{ equal_columns(
                ['user_id', 'stream', 'day'], 'days', 'known'
            ) }}
        where known.status = 'present' and days.user_id is null
    {% endif %}
),

-- Oura's days end at 4 a.m.
zoned as (
    select
        sync_windows.*,
        cast(
            sync_windows.synced_at at time zone 'UTC'
            at time zone coalesce(users.timezone, 'UTC')
            - interval '28 hours' as date
        ) as last_complete_day
    from sync_windows
    inner join known_users as users
        on sync_windows.user_id = users.user_id
    where sync_windows.outcome = 'ok'
),

-- The days that Oura answered for after they were over, of the routes that it
-- does not answer now.
answered_before as {{ on_each_machine() }} (
    select
        sync_windows.user_id,
        sync_windows.stream,
        range_agg(
            daterange(
                sync_windows.window_start,
                least(sync_windows.window_end, sync_windows.last_complete_day),
                '[]'
            )
        ) as days
    from (
        select distinct
            user_id,
            stream
        from days
        where outcome != 'ok'
    ) as unanswered
    inner join zoned as sync_windows
        on unanswered.user_id = sync_windows.user_id
            and unanswered.stream = sync_windows.stream
    where sync_windows.window_start
        <= least(sync_windows.window_end, sync_windows.last_complete_day)
    group by sync_windows.user_id, sync_windows.stream
),

-- What there is, and of which days. With more joins instead, the union in one,
-- or a condition on tags, Citus collects all of it on one machine.
documented as {{ on_each_machine() }} (
    select
        user_id,
        stream,
        day as first_day,
        day as last_day
    from revisions
    where last_seen_at is null
    union all
    select
        user_id,
        'rest_mode_period' as stream,
        start_day as first_day,
        coalesce(end_day, 'infinity') as last_day
    from rest_mode_periods
    union all
    select
        user_id,
        'enhanced_tag' as stream,
        day as first_day,
        case when stream = 'enhanced_tag' then end_day end as last_day
    from tags
    union all
    select
        user_id,
        'heartrate' as stream,
        day as first_day,
        day as last_day
    from heart_rate_days
    union all
    select
        user_id,
        'ring_battery_level' as stream,
        day as first_day,
        day as last_day
    from ring_battery_level_days
),

answered as (
    select
        days.*,
        days.day <@ coalesce(answered_before.days, '{}') as was_answered,
        coalesce(dated.is_there, undated.is_there, false) as has_documents
    from recounted as days
    left join answered_before
        on days.user_id = answered_before.user_id
            and days.stream = answered_before.stream
    left join lateral (
        select true as is_there
        from documented
        where documented.user_id = days.user_id
            and documented.stream = days.stream
            and days.day between documented.first_day and documented.last_day
        -- Whichever: they all say the same.
        limit 1 -- noqa: AM09
    ) as dated on true
    left join lateral (
        select true as is_there
        from revisions as revision
        where days.is_undated
            and revision.user_id = days.user_id
            and revision.stream = days.stream
            and revision.last_seen_at is null
        -- Whichever: they all say the same.
        limit 1 -- noqa: AM09
    ) as undated on true
)

select
    user_id,
    day,
    stream,
    case
        when has_documents then 'present'
        when outcome = 'ok' or was_answered then 'empty'
        when outcome = 'error' then 'failed'
        else 'refused'
    end as status,
    case
        when not has_documents and outcome != 'ok' and not was_answered
            then concat_ws(': ', outcome, detail)
    end as reason,
    now() as created_at,
    now() as updated_at
from answered
-- Tomorrow has begun for nobody but those who have something of it.
where has_documents or day <= today or is_undated
