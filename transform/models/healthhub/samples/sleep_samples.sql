with

sleep_periods as not materialized (
    select * from {{ ref('sleep_periods') }}
)

{{ numeric_samples('sleep_periods', 'heart_rate', 'heart_rate') }}
union all
{{ numeric_samples('sleep_periods', 'hrv', 'hrv') }}
