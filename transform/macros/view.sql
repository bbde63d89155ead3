{#
    A view is made anew only when what it says has changed. So a run need not
    make thirty views again, and the grants on them and what others have built
    on them last. dbt's own way drops each view, with all that depends on it.
#}

{% materialization view, adapter='postgres' %}
    {% set existing = load_cached_relation(this) %}
    {% set view = this.incorporate(type='view') %}
    {% set checksum = local_md5(sql ~ model.columns ~ model.description) %}

    {% if existing and existing.is_view and is_as_built(checksum) %}
        {% call noop_statement('main', 'UNCHANGED') %}{{ sql }}{% endcall %}
    {% else %}
        {{ run_hooks(pre_hooks) }}
        {% do drop_relation_if_exists(existing) %}
        {% call statement('main') %}
            {{ get_create_view_as_sql(view, sql) }}
            {{ remember_view(checksum) }}
        {% endcall %}
        {% do apply_grants(view, config.get('grants'), should_revoke=false) %}
        {% do persist_docs(view, model) %}
        {{ run_hooks(post_hooks) }}
        {% do adapter.commit() %}
    {% endif %}

    {{ return({'relations': [view]}) }}
{% endmaterialization %}


{% macro views() %}{{ staging_schema() }}.views{% endmacro %}


{% macro is_as_built(checksum) %}
    {% if flags.FULL_REFRESH %}{% do return(false) %}{% endif %}
    {% set rows = run_query(
        "select 1 from " ~ views() ~ " where model = '" ~ model.name
        ~ "' and checksum = '" ~ checksum ~ "'"
    ).rows %}
    {% do return(rows | length > 0) %}
{% endmacro %}


{% macro remember_view(checksum) %}
    insert into {{ views() }} (model, checksum)
    values ('{{ model.name }}', '{{ checksum }}')
    on conflict (model) do update set checksum = excluded.checksum
{% endmacro %}
