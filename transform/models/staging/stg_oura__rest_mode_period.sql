with

source as (
    select
        document.*,
        to_jsonb(document) as sent
    from {{ source('oura', 'rest_mode_period').render() }} as document
),

renamed as (
    select
        user_id,
        {{ document_id('rest_mode_period') }} as document_id,
        start_day,

        end_day,
        {{ local_times('start_time') }},
        {{ local_times('end_time') }},
        to_jsonb(episodes) as episodes,

        cast(null as timestamptz) as source_timestamp,
        {{ as_loaded('rest_mode_period') }}
    from source
)

select * from renamed
