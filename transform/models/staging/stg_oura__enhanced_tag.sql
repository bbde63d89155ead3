with

source as (
    select
        document.*,
        to_jsonb(document) as sent
    from {{ source('oura', 'enhanced_tag').render() }} as document
),

renamed as (
    select
        user_id,
        {{ document_id('enhanced_tag') }} as document_id,
        start_day as day,

        end_day,
        {{ local_times('start_time') }},
        {{ local_times('end_time') }},
        tag_type_code,
        custom_name,
        comment,

        cast(null as timestamptz) as source_timestamp,
        {{ as_loaded('enhanced_tag') }}
    from source
)

select * from renamed
