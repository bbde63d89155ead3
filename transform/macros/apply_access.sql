{#
    On Supabase, a table or view that this run has made is nobody's yet, or
    everybody's. Who may read what, the migrations know, if they have run.
#}

{% macro apply_access() %}
    do $$
    begin
        if to_regprocedure('{{ target.schema }}.apply_access()') is not null then
            perform {{ target.schema }}.apply_access();
        end if;
    end
    $$
{% endmacro %}
