with

enhanced_tags as (
    select
        user_id,
        document_id,
        day,
        end_day,
        start_time,
        start_time_local,
        start_time_utc_offset,
        end_time,
        end_time_local,
        end_time_utc_offset,
        tag_type_code,
        custom_name,
        cast(null as text[]) as tags,
        comment,
        source_timestamp,
        stream,
        content,
        extracted_at,
        loaded_at
    from {{ ref('stg_oura__enhanced_tag') }}
),

tags as (
    select
        user_id,
        document_id,
        day,
        cast(null as date) as end_day,
        start_time,
        start_time_local,
        start_time_utc_offset,
        cast(null as timestamptz) as end_time,
        cast(null as timestamp) as end_time_local,
        cast(null as numeric) as end_time_utc_offset,
        cast(null as text) as tag_type_code,
        cast(null as text) as custom_name,
        tags,
        comment,
        source_timestamp,
        stream,
        content,
        extracted_at,
        loaded_at
    from {{ ref('stg_oura__tag') }}
)

select * from enhanced_tags
union all
select * from tags
