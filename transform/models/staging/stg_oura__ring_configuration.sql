with

source as (
    select
        document.*,
        to_jsonb(document) as sent
    from {{ source('oura', 'ring_configuration').render() }} as document
),

renamed as (
    select
        user_id,
        {{ document_id('ring_configuration') }} as document_id,
        cast(null as date) as day,

        color,
        design,
        hardware_type,
        firmware_version,
        {{ safe_number('size') }} as size,
        set_up_at at time zone 'UTC' as set_up_at,

        cast(null as timestamptz) as source_timestamp,
        {{ as_loaded('ring_configuration') }}
    from source
)

select * from renamed
