{#
    `materialized: lasting_view`: a view that a run leaves alone, and whose hooks it
    does not run, as long as its definition is the same (build_state.sql). dbt's own `view`
    makes each view again on every run, and drops it for that with all that others
    have built on it. Who reads a view sees what the tables below let them see. Why
    it is here, and what it saves: docs/decisions/dbt.md.
#}

{% materialization lasting_view, adapter='postgres' %}
    {% set existing = load_cached_relation(this) %}
    {% set view = this.incorporate(type='view') %}

    {% if existing and existing.is_view %}
        {% call noop_statement('main', 'UNCHANGED') %}{{ sql }}{% endcall %}
        {% if config.get('grants') %}
            {% call statement() %}select 'begin'{% endcall %}
            {% do apply_grants(view, config.get('grants'), should_revoke=True) %}
            {% do adapter.commit() %}
        {% endif %}
    {% else %}
        {{ run_hooks(pre_hooks, inside_transaction=False) }}
        {{ drop_relation_if_exists(existing) }}
        {{ run_hooks(pre_hooks, inside_transaction=True) }}
        {% call statement('main') %}
            {{ replace_view(view, sql) }}
            alter view {{ view }} set (security_invoker = true);
            {{ write_comments(view) }}
            {% set node = graph.nodes[model.unique_id] %}
            {{ forget_build(node) if is_partial() else record_build(node) }}
        {% endcall %}
        {% do apply_grants(view, config.get('grants'), should_revoke=True) %}
        {{ run_hooks(post_hooks, inside_transaction=True) }}
        {% do adapter.commit() %}
        {{ run_hooks(post_hooks, inside_transaction=False) }}
    {% endif %}

    {{ return({'relations': [view]}) }}
{% endmaterialization %}


{# What is built on it stays, unless a column has gone or has another type. #}
{% macro replace_view(view, sql) %}
    do $do$
    begin
        {{ get_replace_view_sql(view, sql) }}
    exception
        when invalid_table_definition or feature_not_supported then
            drop view {{ view }} cascade;
            {{ get_create_view_as_sql(view, sql) }}
    end
    $do$;
{% endmacro %}
