{#
    A table reads only what was loaded since it last read: `readings` says, for
    each model, when its last successful run began. It is written in the same
    transaction as the table itself.
#}

{% macro staging_schema() %}{{ target.schema }}_staging{% endmacro %}


{% macro readings() %}{{ staging_schema() }}.readings{% endmacro %}


{# A batch is stamped when it is received and visible when it is committed, and
   the machines that load and transform may differ: the hour allows for both. #}
{% macro loaded_since_last_reading(alias) %}
    {%- set since = none -%}
    {%- if execute and is_incremental() and not flags.FULL_REFRESH -%}
        {%- set since = run_query(
            "select read_at - interval '1 hour' from " ~ readings()
            ~ " where model = '" ~ model.name ~ "'"
        ).columns[0].values() | first -%}
    {%- endif -%}
    {%- if since -%}
        {{ alias }}.loaded_at > timestamp '{{ since }}'
    {%- else -%}
        true
    {%- endif -%}
{% endmacro %}


{% macro remember_reading() %}
    insert into {{ readings() }} (model, read_at)
    values (
        '{{ model.name }}',
        timestamp '{{ run_started_at.replace(tzinfo=none).isoformat() }}'
    )
    on conflict (model) do update set read_at = excluded.read_at
{% endmacro %}
