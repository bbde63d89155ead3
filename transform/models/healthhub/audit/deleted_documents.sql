{% set since = last_reading() %}
{% set streams = dict(
    document_streams(), heartrate='day', ring_battery_level='day'
) %}

-- Oura does not say what was deleted. But what a later, completely read window
-- of its days no longer contains is gone. A window that failed says nothing.
with

read_now as {{ on_each_machine() }} (
    select * from {{ ref('stg_oura__sync_windows') }}
    where outcome = 'ok' and loaded_at > {{ since }}
),

-- Each stream by itself: without statistics, a plan looks at all documents for
-- each window.
read_again as (
    {% for stream, day in streams.items() %}
        select
            document.user_id,
            document.stream,
            document.document_id,
            cast(document.{{ day }} as date) as day,
            document.extracted_at,
            read_now.synced_at
        from read_now
        inner join (select * from {{ ref('stg_oura__' ~ stream) }}) as document
            on read_now.user_id = document.user_id
                and read_now.synced_at > document.extracted_at
                and (
                    document.{{ day }} between read_now.window_start
                    and read_now.window_end
                    or {{ is_undated("'" ~ stream ~ "'") }}
                )
        where read_now.stream = '{{ stream }}'
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

missing as (
    select distinct on (user_id, stream, document_id)
        user_id,
        stream,
        document_id,
        day,
        extracted_at at time zone 'UTC' as last_read_at,
        synced_at at time zone 'UTC' as deleted_at
    from read_again
    order by
        user_id, stream, document_id, extracted_at desc, synced_at asc
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
