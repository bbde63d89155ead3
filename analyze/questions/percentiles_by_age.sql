-- How heart rate variability lies among people of an age, month by month.
--
-- Everybody counts once a month, with the mean of at least 10 nights. The age is the
-- present one. Groups of fewer than 5 users are left out: they would be recognised.
--
-- :'first_day', :'last_day': the days asked for.

with

months as materialized (
    select
        overview.user_id,
        person.age / 10 * 10 as age_from,
        cast(date_trunc('month', overview.day) as date) as month,
        avg(overview.average_hrv) as hrv
    from healthhub.daily_overview as overview
    inner join healthhub.personal_info as person
        on overview.user_id = person.user_id
    where overview.is_complete
        and overview.average_hrv is not null
        and overview.day between :'first_day' and :'last_day'
    group by 1, 2, 3
    having count(*) >= 10
)

select
    age_from,
    month,
    count(*) as users,
    percentile_cont(0.1) within group (order by hrv) as hrv_10,
    percentile_cont(0.5) within group (order by hrv) as hrv_50,
    percentile_cont(0.9) within group (order by hrv) as hrv_90
from months
where age_from is not null
group by age_from, month
having count(*) >= 5
order by age_from, month
