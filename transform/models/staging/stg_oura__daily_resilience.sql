with

source as (
    select
        document.*,
        to_jsonb(document) as sent
    from {{ source('oura', 'daily_resilience').render() }} as document
),

renamed as (
    select
        user_id,
        day,
        {{ document_id('daily_resilience', instead='day') }} as document_id,

        level,
        {{ safe_json_number('contributors', 'sleep_recovery') }}
            as contributors_sleep_recovery,
        {{ safe_json_number('contributors', 'daytime_recovery') }}
            as contributors_daytime_recovery,
        {{ safe_json_number('contributors', 'stress') }} as contributors_stress,

        cast(null as timestamptz) as source_timestamp,
        {{ as_loaded('daily_resilience') }}
    from source
)

select * from renamed
