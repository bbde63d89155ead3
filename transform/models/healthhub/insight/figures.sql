-- The figures of daily_overview as rows: what is asked of one of them, can be
-- asked of each.
with

figures as (
    select
        overview.user_id,
        overview.day,
        figure.name as figure,
        cast(figure.value as numeric(10, 2)) as value,
        overview.is_complete
    from (select * from {{ ref('daily_overview') }}) as overview
    inner join lateral (
        values
        {% for figure in daily_figures() %}
            ('{{ figure }}', overview.{{ figure }}){{ ',' if not loop.last }}
        {% endfor %}
    ) as figure (name, value) on true
    where figure.value is not null
),

compared as (
    select
        *,
        {{ baselines('value') }}
    from figures
    window
        last_7_days as ({{ days_before(7, 'user_id, figure') }}),
        last_28_days as ({{ days_before(28, 'user_id, figure') }})
)

select
    user_id,
    day,
    figure,
    value,
    value_mean_28d as mean_28d,
    value_deviation as deviation,
    is_complete
from compared
