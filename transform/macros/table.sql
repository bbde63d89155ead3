{#
    A table is never dropped: created_at, grants and row-level security outlive a
    full refresh, which reads all raw documents again into it. dbt's own way to
    keep a table up to date asks the database a dozen times what the contract
    says; here one script does it, which counts where the database is far away.
#}

{% materialization incremental, adapter='postgres' %}
    {% set existing = load_cached_relation(this) %}
    {% set table = this.incorporate(type='table') %}
    {% set checksum = checksum_of_contract() %}

    {{ run_hooks(pre_hooks) }}
    {% if not existing %}
        {% call statement('main') %}
            {{ without_jit() }}
            {{ get_create_table_as_sql(false, table, sql) }}
        {% endcall %}
        {# The planner of the next model needs to know what is in it. #}
        {% do run_query(
            index_table(table) ~ describe(table) ~ 'analyze ' ~ table
        ) %}
    {% else %}
        {% if not is_as_built(checksum) %}
            {% do run_query(
                add_columns(table) ~ index_table(table) ~ describe(table)
            ) %}
        {% endif %}
        {% call statement('main') %}
            {{ without_jit() }}
            {{ upsert(table, sql) }}
        {% endcall %}
    {% endif %}

    {{ run_hooks(post_hooks) }}
    {% do run_query(remember(model.name, checksum)) %}
    {% do adapter.commit() %}

    {{ return({'relations': [table]}) }}
{% endmaterialization %}


{# Compiling these long statements takes longer than running them. #}
{% macro without_jit() %}set local jit = off;{% endmacro %}


{% macro add_columns(table) %}
    {% for column in model.columns.values() %}
        alter table {{ table }} add column if not exists
        {{ column.name }} {{ column.data_type }};
    {% endfor %}
{% endmacro %}


{% macro index_table(table) %}
    {% for index in model.config.indexes or [] %}
        create index if not exists
        {{ table.identifier }}_{{ index.columns | join('_') }}
        on {{ table }} ({{ index.columns | join(', ') }});
    {% endfor %}
{% endmacro %}


{# What the contract says of a table or view and its columns, as comments. #}
{% macro describe(relation) %}
    comment on {{ relation.type }} {{ relation }}
    is {{ postgres_escape_comment(model.description) }};
    {% for column in model.columns.values() if column.description %}
        comment on column {{ relation }}.{{ column.name }}
        is {{ postgres_escape_comment(column.description) }};
    {% endfor %}
{% endmacro %}
