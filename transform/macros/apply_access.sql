{#
    On Supabase, what this run has made is nobody's yet, or everybody's. Who may
    read what, the migrations know, if they have run. A table or view is guarded
    in the transaction that makes it, so that it is never open, and everything
    is looked at again in the end.
#}

{% macro guard_relation(relation) %}
    {% if load_cached_relation(relation)
        and model.config.materialized == 'incremental'
        and not flags.FULL_REFRESH %}
        {% do return('') %}
    {% endif %}
    do $$
    begin
        if to_regprocedure('{{ target.schema }}.guard(regclass)') is not null then
            perform {{ target.schema }}.guard('{{ relation }}');
        end if;
    end
    $$
{% endmacro %}


{% macro apply_access() %}
    do $$
    begin
        if to_regprocedure('{{ target.schema }}.apply_access()') is not null then
            perform {{ target.schema }}.apply_access();
        end if;
    end
    $$
{% endmacro %}
