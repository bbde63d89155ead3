with

source as (
    select
        document.*,
        to_jsonb(document) as sent
    from {{ source('oura', 'daily_spo2').render() }} as document
),

renamed as (
    select
        user_id,
        day,
        {{ document_id('daily_spo2', instead='day') }} as document_id,

        {{ safe_json_number('spo2_percentage', 'average') }}
            as spo2_percentage_average,
        {{ safe_number('breathing_disturbance_index') }}
            as breathing_disturbance_index,

        cast(null as timestamptz) as source_timestamp,
        {{ as_loaded('daily_spo2') }}
    from source
)

select * from renamed
