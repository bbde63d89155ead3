{#
    Samples as rows. The tables keep them as Oura sends them, which takes a
    tenth of the space; a row is made when it is asked for. LIMIT 1 keeps the
    planner from working out anew for every row what is known once a document.
#}

{# Of an object {interval, items, timestamp}. Gaps (null items) stay. #}
{% macro numeric_samples(table, series, column) %}
    select
        document.user_id,
        document.day,
        document.document_id,
        '{{ series }}' as series,
        cast(item.number - 1 as integer) as sample,
        recording.began_at
        + make_interval(secs => (item.number - 1) * recording.seconds)
            as timestamp,
        recording.began_at_local
        + make_interval(secs => (item.number - 1) * recording.seconds)
            as timestamp_local,
        recording.utc_offset,
        case
            when jsonb_typeof(item.value) = 'number'
                then cast(item.value as double precision)
        end as value
    from {{ table }} as document
    inner join lateral (
        select
            {{ safe_timestamp("document." ~ column ~ " ->> 'timestamp'") }}
                as began_at,
            {{ safe_local_time("document." ~ column ~ " ->> 'timestamp'") }}
                as began_at_local,
            {{ utc_offset("document." ~ column ~ " ->> 'timestamp'") }}
                as utc_offset,
            case
                when jsonb_typeof(document.{{ column }} -> 'interval') = 'number'
                    then cast(
                        document.{{ column }} ->> 'interval' as double precision
                    )
            end as seconds,
            {{ json_array("document." ~ column ~ " -> 'items'") }} as items
        limit 1
    ) as recording on true
    cross join jsonb_array_elements(recording.items)
        with ordinality as item (value, number)
{% endmacro %}


{# Of what is no array there are no items. #}
{% macro json_array(value) -%}
    case when jsonb_typeof({{ value }}) = 'array' then {{ value }} end
{%- endmacro %}


{# Of a string with one character a sample. #}
{% macro coded_samples(table, series, column, began_at, seconds, meanings) %}
    select
        document.user_id,
        document.day,
        document.document_id,
        '{{ series }}' as series,
        cast(item.number - 1 as integer) as sample,
        document.{{ began_at }}
        + make_interval(secs => (item.number - 1) * {{ seconds }})
            as timestamp,
        document.{{ began_at }}_local
        + make_interval(secs => (item.number - 1) * {{ seconds }})
            as timestamp_local,
        document.{{ began_at }}_utc_offset as utc_offset,
        item.code,
        case item.code
            {% for code, meaning in meanings.items() %}
                when '{{ code }}' then '{{ meaning }}'
            {% endfor %}
        end as meaning
    from {{ table }} as document
    cross join string_to_table(document.{{ column }}, null)
        with ordinality as item (code, number)
{% endmacro %}
