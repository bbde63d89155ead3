with

source as (
    select * from {{ source('oura', 'heartrate') }}
),

renamed as (
    select
        user_id,
        day,
        {{ derived_id('heartrate', "'day ' || day") }} as document_id,

        samples as columns,
        {{ json_or_null('unknown_fields') }} as unknown_columns,

        'heartrate' as stream,
        _sdc_extracted_at as extracted_at,
        _sdc_batched_at as loaded_at
    from source
)

select * from renamed
