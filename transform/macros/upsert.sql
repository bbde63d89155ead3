{#
    How what comes in gets into a table. Of the rows that come in, those that say
    something new are written by INSERT ... ON CONFLICT DO UPDATE: created_at
    stays what it was, updated_at tells when the content last changed. What was
    extracted later wins, whatever its source_timestamp says: Oura's `timestamp`
    is when a day begins or an event took place, not when it was revised. Rows
    that say what is known are left out beforehand, for ON CONFLICT locks, and
    so writes, each row that it meets.
#}

{% macro upsert(known, sql) %}
    {% set incoming = 'pg_temp.incoming' %}
    {% set columns = model.columns.keys() | list %}
    {% set key = primary_key(model) %}
    {% set content = columns | reject('in', key + times_of_a_row()) | list %}

    create temp table incoming on commit drop as {{ sql }};

    {% if holds_documents() %}
        {{ delete_gone_documents(known, key) }};
        {% if identity(model) != key %}
            {{ delete_moved_documents(known, incoming, key, content) }};
        {% endif %}
    {% endif %}

    insert into {{ known }} as known ({{ columns | join(', ') }})
    select incoming.{{ columns | join(', incoming.') }}
    from ({{ news(known, incoming, key, content) }}) as incoming
    on conflict ({{ key | join(', ') }}) do update set
        {% for column in content %}
            {{ column }} = excluded.{{ column }},
        {% endfor %}
        updated_at = excluded.updated_at
{% endmacro %}


{# The incoming rows that are new or differ from what is known. LIMIT makes it a
   look-up by key for each of them: the planner would rather read all that is
   known, which with a study's heart rates takes longer than everything else. #}
{% macro news(known, incoming, key, content) %}
    select incoming.*
    from {{ incoming }} as incoming
    left join lateral (
        select known.*
        from {{ known }} as known
        where {{ same(key, 'incoming', 'known') }}
        limit 1
    ) as known on true
    where known.{{ key[0] }} is null
        or (incoming.{{ content | join(', incoming.') }})
        is distinct from (known.{{ content | join(', known.') }})
{% endmacro %}


{# A document belongs to one day. When it comes in for another, its old row goes,
   unless that day has got a new document of its own. The unique key on the
   document is deferred, so two days may also swap documents. #}
{% macro delete_moved_documents(known, incoming, key, content) %}
    with news as materialized (
        {{ news(known, incoming, key, content) }}
    )

    delete from {{ known }} as known
    using news
    where {{ same(['user_id', 'document_id'], 'known', 'news') }}
        and not ({{ same(key, 'known', 'news') }})
        and not exists (
            select from news as replacement
            where {{ same(key, 'known', 'replacement') }}
        )
{% endmacro %}


{# What is deleted at Oura leaves its table. A full refresh, too, keeps the rows
   that still have a document. #}
{% macro delete_gone_documents(known, key) %}
    {% set documents = ref(model.refs[0].name) %}
    {% set since = since_last_reading() %}
    delete from {{ known }} as known
    {% if since %}
        using {{ documents }} as document
        where {{ same(key, 'known', 'document') }}
            and document.deleted_at > {{ since }}
    {% else %}
        where not exists (
            select from {{ documents }} as document
            where {{ same(key, 'known', 'document') }}
                and document.deleted_at is null
        )
    {% endif %}
{% endmacro %}


{# Such a table follows the documents, or days of samples, of one staging view. #}
{% macro holds_documents() %}
    {% do return(
        config.get('meta', {}).get('holds') in ('documents', 'samples')
    ) %}
{% endmacro %}


{% macro same(columns, left, right) -%}
    {%- for column in columns -%}
        {{ left }}.{{ column }} = {{ right }}.{{ column }}
        {%- if not loop.last %} and {% endif -%}
    {%- endfor -%}
{%- endmacro %}


{% macro times_of_a_row() %}
    {% do return(['created_at', 'updated_at']) %}
{% endmacro %}


{% macro primary_key(table) %}
    {% for constraint in table.constraints if constraint.type == 'primary_key' %}
        {% do return(constraint.columns) %}
    {% endfor %}
{% endmacro %}
