with

sessions as not materialized (
    select * from {{ ref('sessions') }}
)

{{ numeric_samples('sessions', 'heart_rate', 'heart_rate') }}
union all
{{ numeric_samples(
    'sessions', 'heart_rate_variability', 'heart_rate_variability'
) }}
union all
{{ numeric_samples('sessions', 'motion_count', 'motion_count') }}
