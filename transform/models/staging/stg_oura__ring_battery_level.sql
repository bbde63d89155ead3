with

source as (
    select * from {{ source('oura', 'ring_battery_level') }}
),

renamed as (
    select
        user_id,
        timestamp at time zone 'UTC' as timestamp,

        {{ number('level') }} as level,
        charging,
        in_charger,

        {{ as_loaded('ring_battery_level') }}
    from source
)

select * from renamed
