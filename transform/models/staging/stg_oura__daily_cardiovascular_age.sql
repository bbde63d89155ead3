with

source as (
    select
        document.*,
        to_jsonb(document) as sent
    from {{ source('oura', 'daily_cardiovascular_age').render() }} as document
),

renamed as (
    select
        user_id,
        day,
        {{ document_id('daily_cardiovascular_age', instead='day') }}
            as document_id,

        {{ safe_number('vascular_age') }} as vascular_age,
        {{ safe_number('pulse_wave_velocity') }} as pulse_wave_velocity,

        cast(null as timestamptz) as source_timestamp,
        {{ as_loaded('daily_cardiovascular_age') }}
    from source
)

select * from renamed
