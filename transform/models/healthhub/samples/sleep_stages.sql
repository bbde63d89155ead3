{% set stages = {'1': 'deep', '2': 'light', '3': 'rem', '4': 'awake'} %}

with

sleep_periods as not materialized (
    select * from {{ ref('sleep_periods') }}
)

{{ coded_samples(
    'sleep_periods', '5_min', 'sleep_phase_5_min', 'bedtime_start', 300, stages
) }}
union all
{{ coded_samples(
    'sleep_periods', '30_sec', 'sleep_phase_30_sec', 'bedtime_start', 30, stages
) }}
union all
{{ coded_samples(
    'sleep_periods', 'app_5_min', 'app_sleep_phase_5_min', 'bedtime_start', 300,
    stages
) }}
