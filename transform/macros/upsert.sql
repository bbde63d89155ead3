{#
    `incremental_strategy: upsert`, inside dbt's own `incremental`. Incoming rows
    that are new or different are written by INSERT ... ON CONFLICT DO UPDATE:
    created_at stays what it was, updated_at tells when the content last changed.
    What was extracted later wins, whatever its source_timestamp says: Oura's
    `timestamp` is when a day begins or an event took place, not when it was
    revised. Unchanged rows are left out beforehand, for ON CONFLICT locks, and so
    writes, each row that it meets.
#}

{% macro get_incremental_upsert_sql(arguments) %}
    {# A model that reads {{ this }} still finds rows there: write nothing. #}
    {% if invocation_args_dict.get('empty') %}
        {% do return('select 1 where false') %}
    {% endif %}
    {% set known = arguments.target_relation %}
    {% set incoming = arguments.temp_relation %}
    {% set key = arguments.unique_key %}
    {% set columns = arguments.dest_columns | map(attribute='name') | list %}
    {% set content = columns | reject('in', key + times_of_a_row()) | list %}

    {% if holds_documents() and not is_partial() %}
        {{ delete_gone_documents(known, key, last_reading()) }};
        {% if identity_columns(model) != key %}
            {{ delete_moved_documents(known, incoming, key, content) }};
        {% endif %}
    {% endif %}

    {# Last but for the rows, whose number dbt shows: the deletions ask for it. #}
    {% if not is_partial() %}
        {{ record_build(graph.nodes[model.unique_id]) }}
    {% endif %}

    insert into {{ known }} as known ({{ columns | join(', ') }})
    select incoming.{{ columns | join(', incoming.') }}
    from ({{ rows_that_changed(known, incoming, key, content) }}) as incoming
    on conflict ({{ key | join(', ') }}) do update set
        {% for column in content %}
            {{ column }} = excluded.{{ column }},
        {% endfor %}
        updated_at = excluded.updated_at
    {% if is_on_citus() %}
        where {{ different_columns(content, 'excluded', 'known') }}
    {% endif %}
{% endmacro %}


{# The incoming rows that are new or differ from what is known. LIMIT makes it a
   look-up by key for each of them: the planner would rather read all that is
   known, which with a study's heart rates takes longer than everything else. #}
{% macro rows_that_changed(known, incoming, key, content) %}
    select incoming.*
    from {{ incoming }} as incoming
    {# What comes in lies on one machine of Citus, what is known on all of them. #}
    {% if not is_on_citus() %}
        left join lateral (
            select known.*
            from {{ known }} as known
            where {{ equal_columns(key, 'incoming', 'known') }}
            limit 1
        ) as known on true
        where known.{{ key[0] }} is null
            or {{ different_columns(content, 'incoming', 'known') }}
    {% endif %}
{% endmacro %}


{% macro different_columns(columns, left, right) -%}
    ({{ left }}.{{ columns | join(', ' ~ left ~ '.') }})
    is distinct from ({{ right }}.{{ columns | join(', ' ~ right ~ '.') }})
{%- endmacro %}


{# A document belongs to one day. When it comes in for another, its old row goes,
   unless that day has got a new document of its own. The unique key on the
   document is deferred, so two days may also swap documents. #}
{% macro delete_moved_documents(known, incoming, key, content) %}
    with news as materialized (
        {{ rows_that_changed(known, incoming, key, content) }}
    )

    delete from {{ known }} as known
    using news
    where {{ equal_columns(['user_id', 'document_id'], 'known', 'news') }}
        and not ({{ equal_columns(key, 'known', 'news') }})
        and not exists (
            select from news as replacement
            where {{ equal_columns(key, 'known', 'replacement') }}
        )
{% endmacro %}


{# What is deleted at Oura leaves its table, and so does a document whose place has
   gone to another one. When everything is read again, the rows stay that still have
   a document and keep the contract. #}
{% macro delete_gone_documents(known, key, since) %}
    {% set documents = ref(model.refs[0].name) %}
    delete from {{ known }} as known
    using {{ documents }} as document, {{ ref('deleted_documents') }} as gone
    where {{ equal_columns(key, 'known', 'document') }}
        and {{ is_gone('document') }}
        and gone.updated_at > {{ since }} at time zone 'UTC';

    {% if key[1] in ('day', 'timestamp') and 'document_id' in model.columns %}
        {# What keeps the contract takes a row over. What breaks it cannot, but the
           row is no more, of a document that is gone or has moved. #}
        delete from {{ known }} as known
        using (
            select candidate.* from {{ documents }} as candidate
            where candidate.loaded_at > {{ since }}
                and not {{ is_deleted('candidate') }}
                and {{ all_of(contract_rules(model)) }} is false
        ) as broken
        where {{ equal_columns(key, 'known', 'broken') }}
            and known.document_id != broken.document_id
            and not exists (
                select from {{ documents }} as document
                where {{ equal_columns(['user_id', 'document_id'], 'known', 'document') }}
                    and not {{ is_deleted('document') }}
            )
            or {{ equal_columns(['user_id', 'document_id'], 'known', 'broken') }}
            and not ({{ equal_columns(key, 'known', 'broken') }})
            and not exists (
                select from {{ documents }} as document
                where {{ equal_columns(['user_id', 'document_id'], 'known', 'document') }}
                    and document.extracted_at > broken.extracted_at
            );
    {% endif %}

    delete from {{ known }} as known
    where {{ since }} = '-infinity'
        and (
            {{ all_of(contract_rules(model)) }} is false
            or not exists (
                select from {{ documents }} as document
                left join (select * from {{ ref('deleted_documents') }}) as gone
                    on {{ is_gone('document') }}
                where {{ equal_columns(key, 'known', 'document') }}
                    and gone.user_id is null
            )
        )
{% endmacro %}


{# Such a table follows the documents, or days of samples, of one staging view. #}
{% macro holds_documents() %}
    {% do return(
        config.get('meta', {}).get('holds') in ('documents', 'samples')
    ) %}
{% endmacro %}


{% macro equal_columns(columns, left, right) -%}
    {%- for column in columns -%}
        {{ left }}.{{ column }} = {{ right }}.{{ column }}
        {%- if not loop.last %} and {% endif -%}
    {%- endfor -%}
{%- endmacro %}


{% macro times_of_a_row() %}
    {% do return(['created_at', 'updated_at']) %}
{% endmacro %}
