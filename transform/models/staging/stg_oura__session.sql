with

source as (
    select
        document.*,
        to_jsonb(document) as sent
    from {{ source('oura', 'session').render() }} as document
),

renamed as (
    select
        user_id,
        {{ document_id('session') }} as document_id,
        day,

        type,
        mood,
        {{ local_times('start_datetime') }},
        {{ local_times('end_datetime') }},
        {{ json_or_null('heart_rate') }} as heart_rate,
        {{ json_or_null('heart_rate_variability') }} as heart_rate_variability,
        {{ json_or_null('motion_count') }} as motion_count,

        cast(null as timestamptz) as source_timestamp,
        {{ as_loaded('session', without=[
            'heart_rate',
            'heart_rate_variability',
            'motion_count',
        ]) }}
    from source
)

select * from renamed
