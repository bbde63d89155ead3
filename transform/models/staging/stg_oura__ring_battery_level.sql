with

source as (
    select * from {{ source('oura', 'ring_battery_level') }}
),

renamed as (
    select
        user_id,
        day,
        {{ derived_id('ring_battery_level', "'day ' || day") }} as document_id,

        samples as columns,
        {{ json_or_null('unknown_fields') }} as unknown_columns,

        'ring_battery_level' as stream,
        _sdc_extracted_at as extracted_at,
        _sdc_batched_at as loaded_at
    from source
)

select * from renamed
