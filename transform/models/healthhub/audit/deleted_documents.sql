{% set since = last_reading() %}

-- Oura does not say what was deleted. But what a later, completely read window
-- of its days no longer contains is gone. A window that failed says nothing.
with

read_now as (
    select * from {{ ref('stg_oura__sync_windows') }}
    where outcome = 'ok' and loaded_at > {{ since }}
),

documents as (
    {% for model in [
        'int_oura__documents',
        'stg_oura__heartrate',
        'stg_oura__ring_battery_level',
    ] %}
        select
            user_id,
            stream,
            document_id,
            day,
            extracted_at
        from {{ ref(model) }}
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

missing as (
    select distinct on (
        documents.user_id, documents.stream, documents.document_id
    )
        documents.user_id,
        documents.stream,
        documents.document_id,
        documents.day,
        documents.extracted_at at time zone 'UTC' as last_read_at,
        read_now.synced_at at time zone 'UTC' as deleted_at
    from read_now
    inner join documents
        on read_now.user_id = documents.user_id
            and read_now.stream = documents.stream
            and read_now.synced_at > documents.extracted_at
            and (
                documents.day between read_now.window_start
                and read_now.window_end
                or {{ is_undated('documents.stream') }}
            )
    order by
        documents.user_id, documents.stream, documents.document_id,
        documents.extracted_at desc, read_now.synced_at asc
)

select
    missing.*,
    now() as created_at,
    now() as updated_at
from missing
{% if is_incremental() %}
    left join {{ this }} as known
        on {{ equal_columns(
            ['user_id', 'stream', 'document_id'], 'known', 'missing'
        ) }}
            and known.last_read_at >= missing.last_read_at
    where known.user_id is null
{% endif %}
