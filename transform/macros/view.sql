{#
    A view is made anew only when what it says has changed. So a run need not
    make thirty views again, and the grants on them and what others have built
    on them last. dbt's own way drops each view, with all that depends on it.
    Who reads a view sees what the tables below let them see.
#}

{% materialization view, adapter='postgres' %}
    {% set existing = load_cached_relation(this) %}
    {% set view = this.incorporate(type='view') %}
    {% set checksum = local_md5(sql ~ model.columns ~ model.description) %}

    {% if existing and existing.is_view and is_as_built(checksum) %}
        {% call noop_statement('main', 'UNCHANGED') %}{{ sql }}{% endcall %}
    {% else %}
        {% do drop_relation_if_exists(existing) %}
        {% call statement('main') %}
            {{ remember(model.name, checksum) }}
            {{ get_create_view_as_sql(view, sql) }};
            alter view {{ view }} set (security_invoker = true);
            {{ describe(view) }}
        {% endcall %}
        {{ run_hooks(post_hooks) }}
        {% do adapter.commit() %}
    {% endif %}

    {{ return({'relations': [view]}) }}
{% endmaterialization %}
