with

daily_activity_series as not materialized (
    select * from {{ ref('daily_activity_series') }}
)

{{ numeric_samples('daily_activity_series', 'met', 'met') }}
