{#-
    For each tag and figure: how the nights after it differ from nights of the
    same weekdays without it, up to four weeks before and after.

    Nights are not independent: one resembles the next, and weekends resemble
    each other. So what counts is the occasion, a run of nights after the tag,
    and each occasion is held against nights of its own, which no other occasion
    uses. Their differences are as good as independent; Student's t says how
    sure their mean is. That a tag without effect seems to have one happens to
    one person in twenty, however many tags and figures there are, because the
    intervals are widened for their number (Bonferroni).

    The quantile of the normal distribution is Abramowitz and Stegun's 26.2.23
    (right to 0.0005), that of Student's t is Wallace's (never too narrow, and
    from 7 degrees of freedom on at most 2 % too wide).
-#}
{% set figures = [
    'sleep_score',
    'readiness_score',
    'total_sleep_duration',
    'average_hrv',
    'lowest_heart_rate',
] %}
{% set fewest_occasions = 8 %}
{% set reach = 28 %}

with

tagged as (
    select distinct
        user_id,
        tag,
        night as day
    from {{ ref('int_oura__tag_days') }}
),

-- One night without the tag does not end an occasion.
begun as (
    select
        *,
        lag(day) over (partition by user_id, tag order by day)
        >= day - 2 as is_continued
    from tagged
),

occasions as (
    select
        user_id,
        tag,
        day,
        count(*) filter (where is_continued is not true) over (
            partition by user_id, tag
            order by day
        ) as occasion
    from begun
),

spans as (
    select
        user_id,
        tag,
        min(day) - {{ reach }} as first_day,
        max(day) + {{ reach }} as last_day
    from tagged
    group by user_id, tag
),

-- Each tag with each night of its span. In rest mode the user is ill, or away
-- from everyday life.
nights as (
    select
        spans.user_id,
        spans.tag,
        figure.name as figure,
        overview.day,
        extract(dow from overview.day) as weekday,
        occasions.occasion,
        figure.value
    from spans
    inner join (select * from {{ ref('daily_overview') }}) as overview
        on spans.user_id = overview.user_id
            and overview.day between spans.first_day and spans.last_day
    left join occasions
        on spans.user_id = occasions.user_id
            and spans.tag = occasions.tag
            and overview.day = occasions.day
    inner join lateral (
        values
        {% for figure in figures %}
            ('{{ figure }}', overview.{{ figure }}){{ ',' if not loop.last }}
        {% endfor %}
    ) as figure (name, value) on true
    where not overview.is_rest_mode
        and figure.value is not null
),

neighbours as (
    select
        *,
        max(day) filter (where occasion is not null) over (
            partition by user_id, tag, figure, weekday
            order by day
        ) as before,
        min(day) filter (where occasion is not null) over (
            partition by user_id, tag, figure, weekday
            order by day desc
        ) as after
    from nights
),

-- Each night without the tag goes to the nearest one with it, which is its own.
placed as (
    select
        *,
        case
            when after - day < day - before then after
            else coalesce(before, after)
        end as nearest
    from neighbours
),

-- Nights that have nothing to be held against say nothing.
held_against as (
    select
        user_id,
        tag,
        figure,
        min(occasion) as occasion,
        count(*) - 1 as n_without,
        min(value) filter (where occasion is not null) as value_with,
        avg(value) filter (where occasion is null) as value_without
    from placed
    where abs(day - nearest) <= {{ reach }}
    group by user_id, tag, figure, nearest
),

compared as (
    select
        user_id,
        tag,
        figure,
        count(value_without) as n_with,
        sum(n_without) as n_without,
        avg(value_with) filter (where n_without > 0) as value_with,
        avg(value_without) as value_without
    from held_against
    group by user_id, tag, figure, occasion
),

summed_up as (
    select
        user_id,
        tag,
        figure,
        count(value_without) as n_occasions,
        sum(n_with) as n_with,
        sum(n_without) as n_without,
        avg(value_with) as mean_with,
        avg(value_without) as mean_without,
        stddev_samp(value_with - value_without)
        / sqrt(nullif(count(value_without), 0)) as error
    from compared
    group by user_id, tag, figure
),

-- What cannot be said is NULL from here on.
said as (
    select
        user_id,
        tag,
        figure,
        n_occasions,
        n_with,
        n_without,
        count(*) filter (
            where n_occasions >= {{ fewest_occasions }}
        ) over (partition by user_id) as comparisons,
    {% for name in ['mean_with', 'mean_without', 'error'] %}
        case
            when n_occasions >= {{ fewest_occasions }} then {{ name }}
        end as {{ name }}{{ ',' if not loop.last }}
    {% endfor %}
    from summed_up
),

-- Each interval may miss on either side with this probability, as a logarithm.
tails as (
    select
        *,
        sqrt(-2 * ln(0.025 / nullif(comparisons, 0))) as tail
    from said
),

quantiles as (
    select
        *,
        mean_with - mean_without as difference,
        n_occasions - 1 as freedom,
        tail - (2.515517 + 0.802853 * tail + 0.010328 * tail ^ 2) / (
            1 + 1.432788 * tail + 0.189269 * tail ^ 2 + 0.001308 * tail ^ 3
        ) as z
    from tails
),

bounded as (
    select
        *,
        nullif(error, 0) * sqrt(
            freedom * (
                exp(
                    (z * (8 * freedom + 3) / (8 * freedom + 1)) ^ 2
                    / nullif(freedom, 0)
                ) - 1
            )
        ) as margin
    from quantiles
)

select
    user_id,
    tag,
    figure,
    cast(n_occasions as integer) as n_occasions,
    cast(n_with as integer) as n_with,
    cast(n_without as integer) as n_without,
    {{ null_if_out_of_range('mean_with', 'numeric(10,2)') }} as mean_with,
    {{ null_if_out_of_range('mean_without', 'numeric(10,2)') }} as mean_without,
    {{ null_if_out_of_range('difference', 'numeric(10,2)') }} as difference,
    {{ null_if_out_of_range('(difference - margin)', 'numeric(10,2)') }}
        as difference_from,
    {{ null_if_out_of_range('(difference + margin)', 'numeric(10,2)') }}
        as difference_to,
    case
        when n_occasions = 0 then 'nothing to compare'
        when n_occasions < {{ fewest_occasions }} then 'too few occasions'
        when margin is null then 'no variation'
        when difference > margin then 'higher'
        when difference < -margin then 'lower'
        else 'no clear difference'
    end as verdict
from bounded
