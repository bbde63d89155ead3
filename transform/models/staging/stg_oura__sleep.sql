with

source as (
    select
        document.*,
        to_jsonb(document) as sent
    from {{ source('oura', 'sleep').render() }} as document
),

renamed as (
    select
        user_id,
        {{ document_id('sleep') }} as document_id,
        day,

        type,
        {{ safe_number('period') }} as period,
        {{ local_times('bedtime_start') }},
        {{ local_times('bedtime_end') }},
        {{ safe_number('time_in_bed') }} as time_in_bed,
        {{ safe_number('total_sleep_duration') }} as total_sleep_duration,
        {{ safe_number('deep_sleep_duration') }} as deep_sleep_duration,
        {{ safe_number('light_sleep_duration') }} as light_sleep_duration,
        {{ safe_number('rem_sleep_duration') }} as rem_sleep_duration,
        {{ safe_number('awake_time') }} as awake_time,
        {{ safe_number('latency') }} as latency,
        {{ safe_number('efficiency') }} as efficiency,
        {{ safe_number('restless_periods') }} as restless_periods,
        {{ safe_number('average_breath') }} as average_breath,
        {{ safe_number('average_heart_rate') }} as average_heart_rate,
        {{ safe_number('lowest_heart_rate') }} as lowest_heart_rate,
        {{ safe_number('average_hrv') }} as average_hrv,
        {{ safe_number('sleep_score_delta') }} as sleep_score_delta,
        {{ safe_number('readiness_score_delta') }} as readiness_score_delta,
        {{ safe_json_number('readiness', 'score') }} as readiness_score,
        {{ safe_json_number('readiness', 'temperature_deviation') }}
            as readiness_temperature_deviation,
        {{ safe_json_number('readiness', 'temperature_trend_deviation') }}
            as readiness_temperature_trend_deviation,
        {{ json_or_null("readiness -> 'contributors'") }}
            as readiness_contributors,
        low_battery_alert,
        sleep_algorithm_version,
        sleep_analysis_reason,
        ring_id,
        sleep_phase_5_min,
        sleep_phase_30_sec,
        app_sleep_phase_5_min,
        movement_30_sec,
        {{ json_or_null('heart_rate') }} as heart_rate,
        {{ json_or_null('hrv') }} as hrv,

        cast(null as timestamptz) as source_timestamp,
        {{ as_loaded('sleep', without=[
            'sleep_phase_5_min',
            'sleep_phase_30_sec',
            'app_sleep_phase_5_min',
            'movement_30_sec',
            'heart_rate',
            'hrv',
        ]) }}
    from source
)

select * from renamed
