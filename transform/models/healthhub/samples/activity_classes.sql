with

daily_activity_series as not materialized (
    select * from {{ ref('daily_activity_series') }}
)

{{ coded_samples(
    'daily_activity_series', '5_min', 'class_5_min', 'starts_at', 300,
    {
        '0': 'not worn',
        '1': 'rest',
        '2': 'inactive',
        '3': 'low',
        '4': 'medium',
        '5': 'high',
    }
) }}
