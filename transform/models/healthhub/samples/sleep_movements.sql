with

sleep_periods as not materialized (
    select * from {{ ref('sleep_periods') }}
)

{{ coded_samples(
    'sleep_periods', '30_sec', 'movement_30_sec', 'bedtime_start', 30,
    {'1': 'none', '2': 'restless', '3': 'tossing and turning', '4': 'active'}
) }}
