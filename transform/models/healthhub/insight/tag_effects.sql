{#-
    For each tag and figure: how the nights after a day with the tag differ from
    the nights after days without it, from four weeks before its first use to
    four weeks after its last. Below 8 nights on either side nothing is said.

    The confidence interval is Welch's; the quantile of Student's t comes from
    the normal one by the expansion of Cornish and Fisher, which is right to
    0.001 from 7 degrees of freedom on. It says how sure a difference is, not
    where it comes from: days with a tag differ in more than the tag, and of
    twenty tags without any effect one will seem to have one.
-#}
{% set figures = [
    'sleep_score',
    'readiness_score',
    'total_sleep_duration',
    'average_hrv',
    'lowest_heart_rate',
] %}
{% set fewest_nights = 8 %}
{% set z = 1.959964 %}

with

tagged_nights as (
    select distinct
        user_id,
        tag,
        night
    from {{ ref('int_oura__tag_days') }}
),

spans as (
    select
        user_id,
        tag,
        min(night) - 28 as first_night,
        max(night) + 28 as last_night
    from {{ ref('int_oura__tag_days') }}
    group by user_id, tag
),

-- Each tag with each night of its span.
nights as (
    select
        spans.user_id,
        spans.tag,
        tagged_nights.night is not null as is_tagged,
    {% for figure in figures %}
        overview.{{ figure }}{{ ',' if not loop.last }}
    {% endfor %}
    from spans
    inner join (select * from {{ ref('daily_overview') }}) as overview
        on spans.user_id = overview.user_id
            and overview.day between spans.first_night and spans.last_night
    left join tagged_nights
        on spans.user_id = tagged_nights.user_id
            and spans.tag = tagged_nights.tag
            and overview.day = tagged_nights.night
),

compared as (
    select
        nights.user_id,
        nights.tag,
        figure.name as figure,
        count(*) filter (where nights.is_tagged) as n_with,
        count(*) filter (where not nights.is_tagged) as n_without,
        avg(figure.value) filter (where nights.is_tagged) as mean_with,
        avg(figure.value) filter (where not nights.is_tagged) as mean_without,
        var_samp(figure.value) filter (where nights.is_tagged)
        / nullif(count(*) filter (where nights.is_tagged), 0) as error_with,
        var_samp(figure.value) filter (where not nights.is_tagged)
        / nullif(count(*) filter (where not nights.is_tagged), 0)
            as error_without
    from nights
    inner join lateral (
        values
        {% for figure in figures %}
            ('{{ figure }}', nights.{{ figure }}){{ ',' if not loop.last }}
        {% endfor %}
    ) as figure (name, value) on true
    where figure.value is not null
    group by nights.user_id, nights.tag, figure.name
),

-- What cannot be said is NULL from here on.
said as (
    select
        user_id,
        tag,
        figure,
        n_with,
        n_without,
    {% for name in [
        'mean_with', 'mean_without', 'error_with', 'error_without'
    ] %}
        case
            when least(n_with, n_without) >= {{ fewest_nights }} then {{ name }}
        end as {{ name }}{{ ',' if not loop.last }}
    {% endfor %}
    from compared
),

judged as (
    select
        *,
        mean_with - mean_without as difference,
        sqrt(error_with + error_without) as error,
        power(error_with + error_without, 2) / nullif(
            power(error_with, 2) / (n_with - 1)
            + power(error_without, 2) / (n_without - 1), 0
        ) as freedom
    from said
),

bounded as (
    select
        *,
        error * (
            {{ z }}
            + {{ (z ** 3 + z) / 4 }} / freedom
            + {{ (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96 }} / freedom ^ 2
            + {{ (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384 }}
            / freedom ^ 3
        ) as margin
    from judged
)

select
    user_id,
    tag,
    figure,
    cast(n_with as integer) as n_with,
    cast(n_without as integer) as n_without,
    cast(mean_with as numeric(10, 2)) as mean_with,
    cast(mean_without as numeric(10, 2)) as mean_without,
    cast(difference as numeric(10, 2)) as difference,
    cast(difference - margin as numeric(10, 2)) as difference_from,
    cast(difference + margin as numeric(10, 2)) as difference_to,
    case
        when difference is null then 'too few nights'
        when margin is null then 'no variation'
        when difference > margin then 'higher'
        when difference < -margin then 'lower'
        else 'no clear difference'
    end as verdict
from bounded
