with

source as (
    select
        document.*,
        to_jsonb(document) as sent
    from {{ source('oura', 'daily_stress').render() }} as document
),

renamed as (
    select
        user_id,
        day,
        {{ document_id('daily_stress', instead='day') }} as document_id,

        day_summary,
        {{ safe_number('stress_high') }} as stress_high,
        {{ safe_json_number('unknown_fields', 'stress_medium') }}
            as stress_medium,
        {{ safe_json_number('unknown_fields', 'stress_low') }} as stress_low,
        {{ safe_number('recovery_high') }} as recovery_high,
        {{ safe_json_number('unknown_fields', 'recovery_medium') }}
            as recovery_medium,
        {{ safe_json_number('unknown_fields', 'recovery_low') }}
            as recovery_low,

        cast(null as timestamptz) as source_timestamp,
        {{ as_loaded('daily_stress') }}
    from source
)

select * from renamed
