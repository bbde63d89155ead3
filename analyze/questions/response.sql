-- How a figure goes on after a date that each user has of his own: time asleep.
--
-- Here it is the day of the user's first tag of a kind, such as a treatment. Where the
-- study knows the dates, a table of its own with `user_id` and `day` replaces `dates`.
-- Each user is compared with the 28 days before the date, if at least 14 are known.
--
-- :'first_day', :'last_day': the days asked for. :'tag': as in `daily_overview.tags`.

with

dates as (
    select
        user_id,
        min(day) as day
    from healthhub.daily_overview
    where :'tag' = any(tags) and day between :'first_day' and :'last_day'
    group by user_id
),

days as (
    select
        overview.user_id,
        overview.day - dates.day as day_after,
        cast(overview.total_sleep_duration as numeric) as figure
    from healthhub.daily_overview as overview
    inner join dates
        on overview.user_id = dates.user_id
            and overview.day between dates.day - 28 and dates.day + 28
    where overview.total_sleep_duration is not null
),

before as (
    select
        user_id,
        avg(figure) as figure
    from days
    where day_after < 0
    group by user_id
    having count(*) >= 14
),

differences as materialized (
    select
        days.user_id,
        days.day_after,
        days.figure - before.figure as difference
    from days
    inner join before
        on days.user_id = before.user_id
    where days.day_after >= 0
)

select
    day_after,
    count(*) as users,
    avg(difference) as mean_difference,
    percentile_cont(0.25) within group (order by difference) as difference_25,
    percentile_cont(0.5) within group (order by difference) as difference_50,
    percentile_cont(0.75) within group (order by difference) as difference_75
from differences
group by day_after
order by day_after
