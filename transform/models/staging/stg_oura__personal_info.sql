with

source as (
    select
        document.*,
        to_jsonb(document) as sent
    from {{ source('oura', 'personal_info').render() }} as document
),

renamed as (
    select
        user_id,
        {{ document_id('personal_info', instead='user_id') }} as document_id,
        cast(null as date) as day,

        id as oura_id,
        {{ safe_number('age') }} as age,
        {{ safe_number('weight') }} as weight,
        {{ safe_number('height') }} as height,
        biological_sex,
        email,

        cast(null as timestamptz) as source_timestamp,
        {{ as_loaded('personal_info') }}
    from source
)

select * from renamed
