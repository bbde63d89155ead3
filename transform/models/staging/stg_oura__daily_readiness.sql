with

source as (
    select
        document.*,
        to_jsonb(document) as sent
    from {{ source('oura', 'daily_readiness').render() }} as document
),

renamed as (
    select
        user_id,
        day,
        {{ document_id('daily_readiness', instead='day') }} as document_id,

        {{ safe_number('score') }} as score,
        {{ safe_number('temperature_deviation') }} as temperature_deviation,
        {{ safe_number('temperature_trend_deviation') }}
            as temperature_trend_deviation,
        {{ safe_json_number('contributors', 'activity_balance') }}
            as contributors_activity_balance,
        {{ safe_json_number('contributors', 'body_temperature') }}
            as contributors_body_temperature,
        {{ safe_json_number('contributors', 'previous_day_activity') }}
            as contributors_previous_day_activity,
        {{ safe_json_number('contributors', 'previous_night') }}
            as contributors_previous_night,
        {{ safe_json_number('contributors', 'recovery_index') }}
            as contributors_recovery_index,
        {{ safe_json_number('contributors', 'resting_heart_rate') }}
            as contributors_resting_heart_rate,
        {{ safe_json_number('contributors', 'sleep_balance') }}
            as contributors_sleep_balance,
        {{ safe_json_number('contributors', 'hrv_balance') }}
            as contributors_hrv_balance,
        {{ safe_json_number('contributors', 'sleep_regularity') }}
            as contributors_sleep_regularity,

        {{ safe_timestamp('timestamp') }} as source_timestamp,
        {{ as_loaded('daily_readiness') }}
    from source
)

select * from renamed
