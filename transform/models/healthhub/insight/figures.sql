-- The figures of daily_overview as rows: what is asked of one of them, can be
-- asked of each.
with

figures as (
    select
        overview.user_id,
        overview.day,
        figure.name as figure,
        {{ null_if_out_of_range('figure.value', 'numeric(10,2)') }} as value,
        overview.is_complete
    from (select * from {{ ref('daily_overview') }}) as overview
    inner join lateral (
        values
        ('sleep_score', overview.sleep_score),
        ('readiness_score', overview.readiness_score),
        ('activity_score', overview.activity_score),
        ('total_sleep_duration', overview.total_sleep_duration),
        ('deep_sleep_duration', overview.deep_sleep_duration),
        ('light_sleep_duration', overview.light_sleep_duration),
        ('rem_sleep_duration', overview.rem_sleep_duration),
        ('awake_time', overview.awake_time),
        ('latency', overview.latency),
        ('efficiency', overview.efficiency),
        ('average_hrv', overview.average_hrv),
        ('lowest_heart_rate', overview.lowest_heart_rate),
        ('average_heart_rate', overview.average_heart_rate),
        ('average_breath', overview.average_breath),
        ('nap_count', overview.nap_count),
        ('nap_duration', overview.nap_duration),
        ('temperature_deviation', overview.temperature_deviation),
        ('steps', overview.steps),
        ('total_calories', overview.total_calories),
        ('active_calories', overview.active_calories),
        ('sedentary_time', overview.sedentary_time),
        ('medium_activity_time', overview.medium_activity_time),
        ('high_activity_time', overview.high_activity_time),
        ('stress_high', overview.stress_high),
        ('recovery_high', overview.recovery_high),
        ('spo2_percentage_average', overview.spo2_percentage_average),
        ('breathing_disturbance_index', overview.breathing_disturbance_index),
        ('vascular_age', overview.vascular_age),
        ('vo2_max', overview.vo2_max),
        ('workout_count', overview.workout_count),
        ('workout_calories', overview.workout_calories),
        ('session_count', overview.session_count)
    ) as figure (name, value) on true
    where figure.value is not null
),

compared as (
    select
        *,
        {{ baselines('value') }}
    from figures
    window
        last_7_days as (
            partition by user_id, figure
            order by day
            range between interval '7 days' preceding
            and interval '1 day' preceding
        ),
        last_28_days as (
            partition by user_id, figure
            order by day
            range between interval '28 days' preceding
            and interval '1 day' preceding
        )
)

select
    user_id,
    day,
    figure,
    value,
    value_mean_28d as mean_28d,
    value_z_score as z_score,
    is_complete
from compared
