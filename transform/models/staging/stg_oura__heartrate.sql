with

source as (
    select * from {{ source('oura', 'heartrate') }}
),

renamed as (
    select
        user_id,
        timestamp at time zone 'UTC' as timestamp,

        {{ number('bpm') }} as bpm,
        source,

        {{ as_loaded('heartrate') }}
    from source
)

select * from renamed
