with

requested_days as not materialized (
    select * from {{ ref('requested_days') }}
),

first_days as (
    select
        user_id,
        min(day) as first_day
    from requested_days
    group by user_id
),

known_users as (
    select * from {{ staging_schema() }}.users()
),

-- Its last day is the one that it is where the user is at home.
users as (
    select
        first_days.user_id,
        first_days.first_day,
        cast(
            now() at time zone coalesce(known_users.timezone, 'UTC') as date
        ) as today
    from first_days
    left join known_users
        on first_days.user_id = known_users.user_id
),

streams as (
    select unnest(array[
        {% for stream in document_streams() %}
            '{{ stream }}',
        {% endfor %}
        'heartrate',
        'ring_battery_level'
    ]) as stream
),

days as (
    select
        users.user_id,
        streams.stream,
        cast(calendar.day as date) as day
    from users
    cross join streams
    cross join generate_series(
        users.first_day,
        users.today,
        interval '1 day'
    ) as calendar (day)
)

select
    days.user_id,
    days.stream,
    days.day,
    coalesce(requested_days.status, 'not_asked') as status,
    requested_days.reason
from days
left join requested_days
    on days.user_id = requested_days.user_id
        and days.day = requested_days.day
        and days.stream = requested_days.stream
where requested_days.status is not null
    or not {{ is_undated('days.stream') }}
