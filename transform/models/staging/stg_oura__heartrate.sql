with

source as (
    select * from {{ source('oura', 'heartrate') }}
),

renamed as (
    select
        source.user_id,
        source.day,
        {{ derived_id('heartrate', "'day ' || day") }} as document_id,

        samples.timestamp as timestamps,
        samples.bpm,
        samples.source as sources,
        source.samples as columns,
        {{ json_or_null('source.unknown_fields') }} as unknown_columns,

        'heartrate' as stream,
        source._sdc_extracted_at as extracted_at,
        source._sdc_batched_at as loaded_at
    from source
    cross join {{ columns_of_samples('heartrate') }}
)

select * from renamed
