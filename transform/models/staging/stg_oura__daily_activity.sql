with

source as (
    select * from {{ source('oura', 'daily_activity') }}
),

renamed as (
    select
        user_id,
        day,
        {{ document_id('daily_activity', 'id', instead='day') }}
            as document_id,

        score,
        steps,
        total_calories,
        active_calories,
        target_calories,
        equivalent_walking_distance,
        inactivity_alerts,
        non_wear_time,
        resting_time,
        sedentary_time,
        low_activity_time,
        medium_activity_time,
        high_activity_time,
        {{ json_number('contributors', 'meet_daily_targets') }}
            as contributors_meet_daily_targets,
        {{ json_number('contributors', 'stay_active') }}
            as contributors_stay_active,
        {{ json_number('contributors', 'training_volume') }}
            as contributors_training_volume,
        {{ json_number('contributors', 'training_frequency') }}
            as contributors_training_frequency,
        {{ json_number('contributors', 'move_every_hour') }}
            as contributors_move_every_hour,
        {{ json_number('contributors', 'recovery_time') }}
            as contributors_recovery_time,

        {{ instant('timestamp') }} as source_timestamp,
        _sdc_extracted_at as extracted_at,
        _sdc_batched_at as loaded_at,
        _sdc_deleted_at as deleted_at
    from source
)

select * from renamed
