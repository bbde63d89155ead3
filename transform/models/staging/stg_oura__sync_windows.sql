with

source as (
    select * from {{ source('oura', 'sync_windows') }}
),

renamed as (
    select
        user_id,
        stream,
        window_start,
        window_end,
        synced_at,

        outcome,
        detail,
        document_count,
        request_count,

        _sdc_batched_at as loaded_at
    from source
)

select * from renamed
