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

        {{ number('score') }} as score,
        {{ number('steps') }} as steps,
        {{ number('total_calories') }} as total_calories,
        {{ number('active_calories') }} as active_calories,
        {{ number('target_calories') }} as target_calories,
        {{ number('equivalent_walking_distance') }}
            as equivalent_walking_distance,
        {{ number('inactivity_alerts') }} as inactivity_alerts,
        {{ number('non_wear_time') }} as non_wear_time,
        {{ number('resting_time') }} as resting_time,
        {{ number('sedentary_time') }} as sedentary_time,
        {{ number('low_activity_time') }} as low_activity_time,
        {{ number('medium_activity_time') }} as medium_activity_time,
        {{ number('high_activity_time') }} as high_activity_time,
        {{ number('average_met_minutes') }} as average_met_minutes,
        {{ number('sedentary_met_minutes') }} as sedentary_met_minutes,
        {{ number('low_activity_met_minutes') }} as low_activity_met_minutes,
        {{ number('medium_activity_met_minutes') }}
            as medium_activity_met_minutes,
        {{ number('high_activity_met_minutes') }} as high_activity_met_minutes,
        {{ number('target_meters') }} as target_meters,
        {{ number('meters_to_target') }} as meters_to_target,
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
        {{ local_times('timestamp', 'starts_at') }},
        class_5_min,
        {{ json('met') }} as met,

        {{ instant('timestamp') }} as source_timestamp,
        {{ as_loaded('daily_activity', without=[
            'class_5_min',
            'met',
        ]) }}
    from source
)

select * from renamed
