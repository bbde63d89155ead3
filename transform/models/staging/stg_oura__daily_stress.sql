with

source as (
    select * from {{ source('oura', 'daily_stress') }}
),

renamed as (
    select
        user_id,
        day,
        {{ document_id('daily_stress', 'id', instead='day') }}
            as document_id,

        day_summary,
        stress_high,
        cast(null as bigint) as stress_medium,
        cast(null as bigint) as stress_low,
        recovery_high,
        cast(null as bigint) as recovery_medium,
        cast(null as bigint) as recovery_low,

        cast(null as timestamptz) as source_timestamp,
        _sdc_extracted_at as extracted_at,
        _sdc_batched_at as loaded_at,
        _sdc_deleted_at as deleted_at
    from source
)

select * from renamed
