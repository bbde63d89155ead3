{{ config(indexes=[
    {'columns': ['user_id', 'day']},
    {'columns': ['updated_at']},
]) }}

with

sync_windows as not materialized (
    select * from {{ ref('stg_oura__sync_windows') }}
),

documents as (
    select distinct on (user_id, stream, document_id)
        user_id,
        stream,
        document_id,
        day,
        content,
        extracted_at at time zone 'UTC' as seen_at,
        deleted_at at time zone 'UTC' as deleted_at
    from (select * from {{ ref('int_oura__documents') }}) as candidate
    where {{ changed_since_last_reading('candidate') }}
    order by user_id, stream, document_id, extracted_at desc, day desc
),

compared as (
    select
        documents.*,
        known.revision,
        known.day as known_day,
        known.content as known_content,
        known.first_seen_at,
        (
            known.revision is not null and known.last_seen_at is null
        ) as is_open,
        (
            documents.deleted_at is null
            and documents.content is distinct from known.content
        ) as is_different
    from documents
    left join lateral (
        {% if is_incremental() %}
            select revision.*
            from {{ this }} as revision
            where revision.user_id = documents.user_id
                and revision.stream = documents.stream
                and revision.document_id = documents.document_id
            order by revision.revision desc
            limit 1
        {% else %}
            select
                cast(null as smallint) as revision,
                cast(null as date) as day,
                cast(null as jsonb) as content,
                cast(null as timestamptz) as first_seen_at,
                now() as last_seen_at
        {% endif %}
    ) as known on true
    -- That a document is gone from a day that it had left before says nothing.
    where documents.deleted_at is null
        or documents.day is not distinct from known.day
),

opened as (
    select
        user_id,
        stream,
        document_id,
        coalesce(revision, 0) + 1 as revision,
        day,
        content,
        seen_at as first_seen_at,
        cast(null as timestamptz) as last_seen_at,
        cast(null as timestamptz) as deleted_at
    from compared
    where deleted_at is null and (is_different or not is_open)
),

-- A deleted document keeps when it was last read. Of one that changed this is
-- overwritten: it was last seen by the complete reading of its day before the
-- one that brought the change.
closed as (
    select
        compared.user_id,
        compared.stream,
        compared.document_id,
        compared.revision,
        compared.known_day as day,
        compared.known_content as content,
        compared.first_seen_at,
        case
            when compared.deleted_at is not null then compared.seen_at
            else greatest(compared.first_seen_at, reading.synced_at)
        end as last_seen_at,
        compared.deleted_at
    from compared
    left join lateral (
        select sync_window.synced_at at time zone 'UTC' as synced_at
        from sync_windows as sync_window
        where sync_window.user_id = compared.user_id
            and sync_window.stream = compared.stream
            and sync_window.outcome = 'ok'
            and sync_window.synced_at at time zone 'UTC' <= compared.seen_at
            and (
                compared.known_day between sync_window.window_start
                and sync_window.window_end
                or compared.known_day is null
            )
        order by sync_window.synced_at desc
        limit 1 offset 1
    ) as reading on true
    where compared.is_open
        and (compared.deleted_at is not null or compared.is_different)
)

select
    user_id,
    stream,
    document_id,
    cast(revision as smallint) as revision,
    day,
    content,
    first_seen_at,
    last_seen_at,
    deleted_at,
    now() as created_at,
    now() as updated_at
from (
    select * from opened
    union all
    select * from closed
) as revisions
