{{ config(indexes=[
    {'columns': ['user_id', 'day']},
    {'columns': ['updated_at']},
]) }}

{% set since = last_reading() %}

with

sync_windows as not materialized (
    select * from {{ ref('stg_oura__sync_windows') }}
),

read_now as {{ on_each_machine() }} (
    select distinct on (user_id, stream, document_id)
        user_id,
        stream,
        document_id,
        day,
        content,
        extracted_at at time zone 'UTC' as seen_at,
        cast(null as timestamptz) as deleted_at
    from (select * from {{ ref('int_oura__documents') }}) as candidate
    where candidate.loaded_at > {{ since }}
        and not {{ is_deleted('candidate') }}
    order by user_id, stream, document_id, extracted_at desc, day desc
),

documents as {{ on_each_machine() }} (
    select * from read_now
    union all
    select
        gone.user_id,
        gone.stream,
        gone.document_id,
        gone.day,
        cast(null as jsonb) as content,
        gone.last_read_at as seen_at,
        gone.deleted_at
    from (select * from {{ ref('deleted_documents') }}) as gone
    where gone.updated_at > {{ since }} at time zone 'UTC'
        and not exists (
            select from read_now
            where {{ equal_columns(
                ['user_id', 'stream', 'document_id'], 'read_now', 'gone'
            ) }}
        )
),

compared as {{ on_each_machine() }} (
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
            and documents.content
            is distinct from {{ as_sent(
                'known.content', "known.content -> 'unknown_fields'"
            ) }}
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
        or (
            documents.day is not distinct from known.day
            and documents.seen_at >= known.first_seen_at
        )
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

{% if is_incremental() %}
    -- A day, or an instant, that came back under a new id: its old document is
    -- gone.
    replaced as (
        select
            revision.*,
            documents.seen_at
        from documents
        inner join {{ this }} as revision
            on documents.user_id = revision.user_id
                and documents.stream = revision.stream
                and documents.day = revision.day
                and documents.document_id != revision.document_id
        where documents.deleted_at is null
            and case
                when documents.stream = 'vo2_max'
                    then {{ safe_timestamp(
                        "(documents.content ->> 'timestamp')"
                    ) }}
                        = {{ safe_timestamp(
                            "(revision.content ->> 'timestamp')"
                        ) }}
                else
                    documents.stream like 'daily%'
                    or documents.stream = 'sleep_time'
            end
            and revision.last_seen_at is null
            and not exists (
                select from compared
                where compared.user_id = revision.user_id
                    and compared.stream = revision.stream
                    and compared.document_id = revision.document_id
            )
    ),
{% endif %}

closing as (
    select
        user_id,
        stream,
        document_id,
        revision,
        known_day as day,
        known_content as content,
        first_seen_at,
        seen_at,
        day as seen_on,
        deleted_at,
        deleted_at is null as is_replaced
    from compared
    where is_open and (deleted_at is not null or is_different)
    {% if is_incremental() %}
        union all
        select
            user_id,
            stream,
            document_id,
            revision,
            day,
            content,
            first_seen_at,
            seen_at,
            day as seen_on,
            seen_at as deleted_at,
            true as is_replaced
        from replaced
    {% endif %}
),

-- A deleted document keeps when it was last read. Of one that changed this is
-- overwritten: it was last seen by the complete reading of its day before the
-- one that brought the change.
closed as (
    select
        closing.user_id,
        closing.stream,
        closing.document_id,
        closing.revision,
        closing.day,
        closing.content,
        closing.first_seen_at,
        case
            when closing.is_replaced
                then greatest(closing.first_seen_at, reading.synced_at)
            else closing.seen_at
        end as last_seen_at,
        closing.deleted_at
    from closing
    left join lateral (
        select sync_window.synced_at at time zone 'UTC' as synced_at
        from sync_windows as sync_window
        where {{ answered_for('sync_window', 'closing.day') }}
            and sync_window.synced_at < (
                select max(closing_window.synced_at)
                from sync_windows as closing_window
                where {{ answered_for('closing_window', 'closing.seen_on') }}
            )
        order by sync_window.synced_at desc
        limit 1
    ) as reading on true
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
