{#
    Citus is PostgreSQL spread over machines. Where the database has it, each table
    lies there by `user_id`, and so does what is asked: rows of one user are on one
    machine, whatever table they are of.
#}

{# Asked once a run: dbt keeps nothing else that all models see. #}
{% macro is_on_citus() %}
    {% if execute and 'is_on_citus' not in graph %}
        {% do graph.update({'is_on_citus': run_query(
            "select exists (select from pg_extension where extname = 'citus')"
            ~ ' as is_there'
        ).rows[0]['is_there']}) %}
    {% endif %}
    {% do return(graph.get('is_on_citus', false)) %}
{% endmacro %}


{# After the first build of a table, in its transaction. #}
{% macro distribute(relation) %}
    {% if execute and is_table(model) and not load_cached_relation(relation)
        and is_on_citus() %}
        select create_distributed_table('{{ relation }}', 'user_id')
    {% endif %}
{% endmacro %}


{# Of a CTE that is read twice. PostgreSQL would evaluate it once, as it should; but
   what is materialized, Citus collects on one machine, and so all that reads it. #}
{% macro on_each_machine() -%}
    {{ 'not materialized' if is_on_citus() }}
{%- endmacro %}
