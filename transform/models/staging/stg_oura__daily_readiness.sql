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

        {{ number('score') }} as score,
        {{ number('temperature_deviation') }} as temperature_deviation,
        {{ number('temperature_trend_deviation') }}
            as temperature_trend_deviation,
        {{ json_number('contributors', 'activity_balance') }}
            as contributors_activity_balance,
        {{ json_number('contributors', 'body_temperature') }}
            as contributors_body_temperature,
        {{ json_number('contributors', 'previous_day_activity') }}
            as contributors_previous_day_activity,
        {{ json_number('contributors', 'previous_night') }}
            as contributors_previous_night,
        {{ json_number('contributors', 'recovery_index') }}
            as contributors_recovery_index,
        {{ json_number('contributors', 'resting_heart_rate') }}
            as contributors_resting_heart_rate,
        {{ json_number('contributors', 'sleep_balance') }}
            as contributors_sleep_balance,
        {{ json_number('contributors', 'hrv_balance') }}
            as contributors_hrv_balance,
        {{ json_number('contributors', 'sleep_regularity') }}
            as contributors_sleep_regularity,

        {{ instant('timestamp') }} as source_timestamp,
        {{ as_loaded('daily_readiness') }}
    from source
)

select * from renamed
