with

source as (
    select
        document.*,
        to_jsonb(document) as sent
    from {{ source('oura', 'tag').render() }} as document
),

renamed as (
    select
        user_id,
        {{ document_id('tag') }} as document_id,
        day,

        {{ local_times('timestamp', 'start_time') }},
        tags,
        text as comment,

        {{ safe_timestamp('timestamp') }} as source_timestamp,
        {{ as_loaded('tag') }}
    from source
)

select * from renamed
