with

source as (
    select
        document.*,
        to_jsonb(document) as sent
    from {{ source('oura', 'sleep_time').render() }} as document
),

renamed as (
    select
        user_id,
        day,
        {{ document_id('sleep_time', instead='day') }} as document_id,

        status,
        recommendation,
        {{ safe_json_number('optimal_bedtime', 'start_offset') }}
            as optimal_bedtime_start_offset,
        {{ safe_json_number('optimal_bedtime', 'end_offset') }}
            as optimal_bedtime_end_offset,
        {{ safe_json_number('optimal_bedtime', 'day_tz') }}
            as optimal_bedtime_day_tz,

        cast(null as timestamptz) as source_timestamp,
        {{ as_loaded('sleep_time') }}
    from source
)

select * from renamed
