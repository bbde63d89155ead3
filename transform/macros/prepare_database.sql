{#
    Before a run: what the models read from exists, if only empty. A stream that
    is deselected or has not run yet has no raw table, and an older tap has left
    out columns. The types are those that the target gives, so that it later
    finds what it would have made.
#}

{% macro prepare_database() %}
    {% if not execute %}{% do return('') %}{% endif %}

    {% do look_for_citus() %}
    {% set found = {} %}
    {% for row in run_query(columns_of_raw_tables()).rows %}
        {% do found.setdefault(row['table_name'], []).append(row['column_name']) %}
    {% endfor %}

    create schema if not exists {{ staging_schema() }};
    {{ create_build_state() }}
    {{ create_users_function() }}
    {% if is_on_citus() %}
        {{ create_sample_functions() }}
    {% endif %}
    create schema if not exists raw_oura;
    {# Citus passes on the text of a statement, which must hold no other. #}
    do $do$
    begin
    {% for source in graph.sources.values() %}
        {% if source.name not in found %}
            {{ create_raw_table(source) }}
        {% else %}
            {{ add_raw_columns(source, found[source.name]) }}
        {% endif %}
        {{ index_raw_table(source) }}
    {% endfor %}
    end
    $do$;
{% endmacro %}


{% macro columns_of_raw_tables() %}
    select
        pg_class.relname as table_name,
        pg_attribute.attname as column_name
    from pg_catalog.pg_class
    inner join pg_catalog.pg_attribute
        on pg_class.oid = pg_attribute.attrelid
    where pg_class.relnamespace = to_regnamespace('raw_oura')
        and pg_class.relkind in ('r', 'p')
        and pg_attribute.attnum > 0
        and not pg_attribute.attisdropped
{% endmacro %}


{% macro create_raw_table(source) %}
    create table if not exists {{ source.relation_name }} (
        {% for column in source.columns.values() %}
            {{ adapter.quote(column.name) }} {{ column.data_type }},
        {% endfor %}
        {% for name, type in target_columns().items() %}
            {{ name }} {{ type }},
        {% endfor %}
        primary key ({{ source.config.meta.key | join(', ') }})
    );
    {% if is_on_citus() %}
        perform create_distributed_table('{{ source.relation_name }}', 'user_id');
    {% endif %}
{% endmacro %}


{% macro add_raw_columns(source, found) %}
    {% for column in source.columns.values() if column.name not in found %}
        alter table {{ source.relation_name }}
        add column {{ adapter.quote(column.name) }} {{ column.data_type }};
    {% endfor %}
{% endmacro %}


{# For the question that each run asks: what was loaded of late? Rows that are
   loaded together lie together, which is all that BRIN needs; a B-tree would make
   each load dearer. It names two pages at a time, which hold weeks of a user's
   documents; before 0.1.0 these were 128, which hold years, and then eight, which
   stay. Autovacuum is told of pages that are full, but forgets some when many are,
   and each run would look at those: so it is done here. Citus leaves it to
   autovacuum alone, which eight pages at a time tell less often. #}
{% macro index_raw_table(source) %}
    {% set index = source.schema ~ '.' ~ source.name ~ '_batched_at' %}
    drop index if exists {{ source.schema }}.{{ source.name }}_loaded_at;
    if to_regclass('{{ index }}') is null then
        create index {{ source.name }}_batched_at
        on {{ source.relation_name }} using brin (_sdc_batched_at)
        with (
            autosummarize = on,
            pages_per_range = {{ 8 if is_on_citus() else 2 }}
        );
    {% if not is_on_citus() %}
        else
            perform brin_summarize_new_values('{{ index }}');
    {% endif %}
    end if;
{% endmacro %}


{# What target-postgres adds to every table; its times are UTC, without zone. #}
{% macro target_columns() %}
    {% do return({
        '_sdc_extracted_at': 'timestamp',
        '_sdc_received_at': 'timestamp',
        '_sdc_batched_at': 'timestamp',
        '_sdc_deleted_at': 'timestamp',
        '_sdc_sequence': 'bigint',
        '_sdc_table_version': 'bigint',
        '_sdc_sync_started_at': 'bigint',
    }) %}
{% endmacro %}
