with

source as (
    select
        document.*,
        to_jsonb(document) as sent
    from {{ source('oura', 'workout').render() }} as document
),

renamed as (
    select
        user_id,
        {{ document_id('workout') }} as document_id,
        day,

        activity,
        intensity,
        label,
        source,
        {{ local_times('start_datetime') }},
        {{ local_times('end_datetime') }},
        {{ safe_number('calories') }} as calories,
        {{ safe_number('distance') }} as distance,

        cast(null as timestamptz) as source_timestamp,
        {{ as_loaded('workout') }}
    from source
)

select * from renamed
