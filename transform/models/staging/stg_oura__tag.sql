with

source as (
    select * from {{ source('oura', 'tag') }}
),

renamed as (
    select
        user_id,
        {{ document_id('tag') }} as document_id,
        day,

        {{ local_times('timestamp', 'start_time') }},
        tags,
        text as comment,

        {{ instant('timestamp') }} as source_timestamp,
        {{ as_loaded('tag') }}
    from source
)

select * from renamed
