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
        {{ number('period') }} as period,
        {{ local_times('bedtime_start') }},
        {{ local_times('bedtime_end') }},
        {{ number('time_in_bed') }} as time_in_bed,
        {{ number('total_sleep_duration') }} as total_sleep_duration,
        {{ number('deep_sleep_duration') }} as deep_sleep_duration,
        {{ number('light_sleep_duration') }} as light_sleep_duration,
        {{ number('rem_sleep_duration') }} as rem_sleep_duration,
        {{ number('awake_time') }} as awake_time,
        {{ number('latency') }} as latency,
        {{ number('efficiency') }} as efficiency,
        {{ number('restless_periods') }} as restless_periods,
        {{ number('average_breath') }} as average_breath,
        {{ number('average_heart_rate') }} as average_heart_rate,
        {{ number('lowest_heart_rate') }} as lowest_heart_rate,
        {{ number('average_hrv') }} as average_hrv,
        {{ number('sleep_score_delta') }} as sleep_score_delta,
        {{ number('readiness_score_delta') }} as readiness_score_delta,
        {{ json_number('readiness', 'score') }} as readiness_score,
        {{ json_number('readiness', 'temperature_deviation') }}
            as readiness_temperature_deviation,
        {{ json_number('readiness', 'temperature_trend_deviation') }}
            as readiness_temperature_trend_deviation,
        {{ json("readiness -> 'contributors'") }} as readiness_contributors,
        low_battery_alert,
        sleep_algorithm_version,
        sleep_analysis_reason,
        ring_id,
        sleep_phase_5_min,
        sleep_phase_30_sec,
        app_sleep_phase_5_min,
        movement_30_sec,
        {{ json('heart_rate') }} as heart_rate,
        {{ json('hrv') }} as hrv,

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
