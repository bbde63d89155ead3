with

source as (
    select
        document.*,
        to_jsonb(document) as sent
    from {{ source('oura', 'vo2_max').render() }} as document
),

renamed as (
    select
        user_id,
        {{ document_id('vo2_max', instead='timestamp') }} as document_id,
        day,

        {{ local_times('timestamp') }},
        {{ safe_number('vo2_max') }} as vo2_max,

        {{ safe_timestamp('timestamp') }} as source_timestamp,
        {{ as_loaded('vo2_max') }}
    from source
)

select * from renamed
