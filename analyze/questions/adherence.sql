-- How many of a study's days the ring was worn, month by month.
--
-- A day is worn if less than 4 hours of it were not, by Oura's own measure, and a night
-- if Oura has seen one. The days of a user begin with the first that is known, and a
-- month without any counts, too.
--
-- :'first_day', :'last_day': the days asked for; the last one is over.

with

known as (
    select
        activity.user_id,
        activity.day,
        cast(date_trunc('month', activity.day) as date) as month,
        activity.non_wear_time < 4 * 3600 as is_worn,
        overview.main_sleep_id is not null as has_night
    from healthhub.daily_activity_summaries as activity
    left join healthhub.daily_overview as overview
        on activity.user_id = overview.user_id and activity.day = overview.day
    where activity.day between :'first_day' and :'last_day'
),

begun as (
    select
        user_id,
        min(day) as first_day
    from known
    group by user_id
),

months as (
    select
        cast(first_moment as date) as month,
        cast(first_moment + interval '1 month' as date) as next_month
    from generate_series(
        date_trunc('month', cast(:'first_day' as timestamp)),
        cast(:'last_day' as timestamp),
        interval '1 month'
    ) as first_moment
),

worn as (
    select
        user_id,
        month,
        count(*) filter (where is_worn) as days_worn,
        count(*) filter (where has_night) as nights_worn
    from known
    group by user_id, month
),

shares as materialized (
    select
        begun.user_id,
        months.month,
        coalesce(worn.days_worn, 0) as days_worn,
        coalesce(worn.nights_worn, 0) as nights_worn,
        cast(
            least(months.next_month, cast(:'last_day' as date) + 1)
            - greatest(months.month, begun.first_day) as numeric
        ) as days
    from begun
    inner join months
        on begun.first_day < months.next_month
    left join worn
        on begun.user_id = worn.user_id and months.month = worn.month
)

select
    month,
    count(*) as users,
    avg(days_worn / days) as mean_share_of_days,
    avg(nights_worn / days) as mean_share_of_nights,
    count(*) filter (where days_worn >= 0.8 * days) as users_of_80_percent
from shares
group by month
order by month
