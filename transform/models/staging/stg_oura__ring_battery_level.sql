with

source as (
    select * from {{ source('oura', 'ring_battery_level') }}
),

renamed as (
    select
        source.user_id,
        source.day,
        {{ derived_id('ring_battery_level', "'day ' || day") }} as document_id,

        samples.timestamp as timestamps,
        samples.level,
        samples.charging,
        samples.in_charger,
        source.samples as columns,
        {{ json_or_null('source.unknown_fields') }} as unknown_columns,

        'ring_battery_level' as stream,
        source._sdc_extracted_at as extracted_at,
        source._sdc_batched_at as loaded_at
    from source
    cross join {{ columns_of_samples('ring_battery_level') }}
)

select * from renamed
