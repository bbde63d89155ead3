{#
    Citus is PostgreSQL spread over machines. Where the database has it, each table
    lies there by `user_id`, and so does what is asked: rows of one user are on one
    machine, whatever table they are of.
#}

{# One of its own tables is there: `look_for_citus` has told dbt's cache. #}
{% macro is_on_citus() %}
    {% do return(
        adapter.get_relation(target.database, 'pg_catalog', 'pg_dist_partition')
        is not none
    ) %}
{% endmacro %}


{# Before a run. Of pg_catalog, dbt's cache is told of one table that is always there,
   and of Citus' if it is. Else dbt would list all of it, functions too: three thousand
   relations, which took half of the time of a build of one table. #}
{% macro look_for_citus() %}
    {% set found = run_query(
        "select relname from pg_catalog.pg_class where oid in ("
        ~ "'pg_catalog.pg_class'::regclass,"
        ~ " to_regclass('pg_catalog.pg_dist_partition'))"
    ) %}
    {% for name in found.columns[0] %}
        {% do adapter.cache_added(
            api.Relation.create(target.database, 'pg_catalog', name)
        ) %}
    {% endfor %}
{% endmacro %}


{# After the first build of a table, in its transaction. #}
{% macro distribute_on_citus(relation) %}
    {% if execute and is_table(model) and not load_cached_relation(relation)
        and is_on_citus() %}
        select create_distributed_table('{{ relation }}', 'user_id')
    {% endif %}
{% endmacro %}


{# For a CTE that is used twice. PostgreSQL works it out once, as it should; but Citus
   would gather it on one machine, and with it all that reads it. #}
{% macro on_each_machine() -%}
    {{ 'not materialized' if is_on_citus() }}
{%- endmacro %}
