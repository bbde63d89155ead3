with

source as (
    select * from {{ source('oura', 'daily_readiness') }}
),

renamed as (
    select
        user_id,
        day,
        {{ document_id('daily_readiness', 'id', instead='day') }}
            as document_id,

        score,
        temperature_deviation,
        temperature_trend_deviation,
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

        {{ instant('timestamp') }} as source_timestamp,
        _sdc_extracted_at as extracted_at,
        _sdc_batched_at as loaded_at,
        _sdc_deleted_at as deleted_at
    from source
)

select * from renamed
