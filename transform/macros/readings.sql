{#
    A table reads only what changed since it last read: `readings` says, for
    each model, when its last successful run began. It is written in the same
    transaction as the table itself.
#}

{% macro staging_schema() %}{{ target.schema }}_staging{% endmacro %}


{% macro readings() %}{{ staging_schema() }}.readings{% endmacro %}


{# A batch is stamped when it is received and visible when it is committed, and
   the machines that load and transform may differ: the hour allows for both. A
   literal, so that the planner knows how few rows that is. #}
{% macro last_reading(name) %}
    {% set rows = run_query(
        "select read_at - interval '1 hour' as since from " ~ readings()
        ~ " where model = '" ~ name ~ "'"
    ).rows %}
    {% do return("timestamp '" ~ rows[0]['since'] ~ "'" if rows else none) %}
{% endmacro %}


{% macro since_last_reading() %}
    {% if execute and is_incremental() and not flags.FULL_REFRESH %}
        {% do return(last_reading(model.name)) %}
    {% endif %}
    {% do return(none) %}
{% endmacro %}


{% macro loaded_since_last_reading(record) %}
    {%- set since = since_last_reading() -%}
    {{ record ~ '.loaded_at > ' ~ since if since else 'true' }}
{%- endmacro %}


{% macro changed_since_last_reading(document) %}
    {%- set since = since_last_reading() -%}
    {%- if since -%}
        ({{ document }}.loaded_at > {{ since }}
        or {{ document }}.deleted_at > {{ since }})
    {%- else -%}
        true
    {%- endif -%}
{% endmacro %}


{% macro remember_reading(name) %}
    insert into {{ readings() }} (model, read_at)
    values ('{{ name }}', {{ run_start() }})
    on conflict (model) do update set read_at = excluded.read_at;
{% endmacro %}


{# In UTC without zone, as target-postgres writes times. #}
{% macro run_start() -%}
    timestamp '{{ run_started_at.replace(tzinfo=none).isoformat() }}'
{%- endmacro %}


{# After a table or view was built. Who reads a view sees what the tables below
   let them see. A table that is new has no statistics yet, and the planner of
   the next model needs them. #}
{% macro after_build() %}
    {% if model.config.materialized == 'view' %}
        alter view {{ this }} set (security_invoker = true);
    {% else %}
        {{ remember_reading(model.name) }}
        {% if not is_incremental() %}
            analyze {{ this }};
        {% endif %}
    {% endif %}
{% endmacro %}
