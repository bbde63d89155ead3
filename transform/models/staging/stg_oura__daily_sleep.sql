with

source as (
    select
        document.*,
        to_jsonb(document) as sent
    from {{ source('oura', 'daily_sleep').render() }} as document
),

renamed as (
    select
        user_id,
        day,
        {{ document_id('daily_sleep', instead='day') }} as document_id,

        {{ safe_number('score') }} as score,
        {{ safe_json_number('contributors', 'deep_sleep') }}
            as contributors_deep_sleep,
        {{ safe_json_number('contributors', 'rem_sleep') }}
            as contributors_rem_sleep,
        {{ safe_json_number('contributors', 'total_sleep') }}
            as contributors_total_sleep,
        {{ safe_json_number('contributors', 'restfulness') }}
            as contributors_restfulness,
        {{ safe_json_number('contributors', 'efficiency') }}
            as contributors_efficiency,
        {{ safe_json_number('contributors', 'latency') }}
            as contributors_latency,
        {{ safe_json_number('contributors', 'timing') }} as contributors_timing,

        {{ safe_timestamp('timestamp') }} as source_timestamp,
        {{ as_loaded('daily_sleep') }}
    from source
)

select * from renamed
