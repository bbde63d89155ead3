-- What a night after a tag differs by, over all users: lowest heart rate.
--
-- Each user is compared with himself, nights after a day with the tag with all others,
-- and counts once, if there are at least 8 of both. That is less careful than the
-- view `tag_effects`, which holds for one user alone, and more sure, by their number.
-- A difference is no cause.
--
-- :'first_day', :'last_day': the days asked for. :'tag': as in `daily_overview.tags`.

with

nights as (
    select
        user_id,
        lowest_heart_rate as figure,
        :'tag' = any(lag(tags) over of_user) as is_after,
        lag(day) over of_user = day - 1 as is_known
    from healthhub.daily_overview
    where day between :'first_day' and :'last_day'
    window of_user as (partition by user_id order by day)
),

differences as materialized (
    select
        user_id,
        avg(figure) filter (where is_after)
        - avg(figure) filter (where not is_after) as difference
    from nights
    where is_known and figure is not null
    group by user_id
    having count(*) filter (where is_after) >= 8
        and count(*) filter (where not is_after) >= 8
)

select
    count(*) as users,
    avg(difference) as mean_difference,
    avg(difference) - 1.96 * stddev_samp(difference) / sqrt(count(*)) as from_95,
    avg(difference) + 1.96 * stddev_samp(difference) / sqrt(count(*)) as to_95,
    percentile_cont(0.5) within group (order by difference) as median_difference,
    avg(case when difference > 0 then 1 else 0 end) as share_higher
from differences
