with

source as (
    select
        document.*,
        to_jsonb(document) as sent
    from {{ source('oura', 'daily_activity').render() }} as document
),

renamed as (
    select
        user_id,
        day,
        {{ document_id('daily_activity', instead='day') }} as document_id,

        {{ safe_number('score') }} as score,
        {{ safe_number('steps') }} as steps,
        {{ safe_number('total_calories') }} as total_calories,
        {{ safe_number('active_calories') }} as active_calories,
        {{ safe_number('target_calories') }} as target_calories,
        {{ safe_number('equivalent_walking_distance') }}
            as equivalent_walking_distance,
        {{ safe_number('inactivity_alerts') }} as inactivity_alerts,
        {{ safe_number('non_wear_time') }} as non_wear_time,
        {{ safe_number('resting_time') }} as resting_time,
        {{ safe_number('sedentary_time') }} as sedentary_time,
        {{ safe_number('low_activity_time') }} as low_activity_time,
        {{ safe_number('medium_activity_time') }} as medium_activity_time,
        {{ safe_number('high_activity_time') }} as high_activity_time,
        {{ safe_number('average_met_minutes') }} as average_met_minutes,
        {{ safe_number('sedentary_met_minutes') }} as sedentary_met_minutes,
        {{ safe_number('low_activity_met_minutes') }}
            as low_activity_met_minutes,
        {{ safe_number('medium_activity_met_minutes') }}
            as medium_activity_met_minutes,
        {{ safe_number('high_activity_met_minutes') }}
            as high_activity_met_minutes,
        {{ safe_number('target_meters') }} as target_meters,
        {{ safe_number('meters_to_target') }} as meters_to_target,
        {{ safe_json_number('contributors', 'meet_daily_targets') }}
            as contributors_meet_daily_targets,
        {{ safe_json_number('contributors', 'stay_active') }}
            as contributors_stay_active,
        {{ safe_json_number('contributors', 'training_volume') }}
            as contributors_training_volume,
        {{ safe_json_number('contributors', 'training_frequency') }}
            as contributors_training_frequency,
        {{ safe_json_number('contributors', 'move_every_hour') }}
            as contributors_move_every_hour,
        {{ safe_json_number('contributors', 'recovery_time') }}
            as contributors_recovery_time,
        {{ local_times('timestamp', 'starts_at') }},
        class_5_min,
        {{ json_or_null('met') }} as met,

        {{ safe_timestamp('timestamp') }} as source_timestamp,
        {{ as_loaded('daily_activity', without=[
            'class_5_min',
            'met',
        ]) }}
    from source
)

select * from renamed
