{#
    What is remembered of each model from run to run: the checksum of how it was
    built, so that what is as it should be is not made again, and when its last
    successful run began, so that it reads only what changed since. It is written
    in the transaction that builds the model, and read once, at the start of a
    run: `graph` is what all models of a run have in common.
#}

{% macro staging_schema() %}{{ target.schema }}_staging{% endmacro %}


{% macro memory() %}{{ staging_schema() }}.models{% endmacro %}


{# A batch is stamped when it is received and visible when it is committed, and
   the machines that load and transform may differ: the hour allows for both. #}
{% macro recall() %}
    {% if not execute %}{% do return('') %}{% endif %}
    {% set remembered = {} %}
    {% for row in run_query(
        "select model, checksum, read_at - interval '1 hour' as since from "
        ~ memory()
    ).rows %}
        {% do remembered.update({row['model']: row}) %}
    {% endfor %}
    {% do graph.update({'remembered': remembered}) %}
{% endmacro %}


{% macro remember(name, checksum='') %}
    insert into {{ memory() }} (model, checksum, read_at)
    values ('{{ name }}', '{{ checksum }}', {{ run_start() }})
    on conflict (model) do update set
        checksum = excluded.checksum,
        read_at = excluded.read_at;
{% endmacro %}


{# In UTC without zone, as target-postgres writes times. #}
{% macro run_start() -%}
    timestamp '{{ run_started_at.replace(tzinfo=none).isoformat() }}'
{%- endmacro %}


{% macro checksum_of_contract() %}
    {% do return(local_md5(
        model.columns ~ model.description ~ model.config.indexes
    )) %}
{% endmacro %}


{% macro is_as_built(checksum) %}
    {% set known = graph.get('remembered', {}).get(model.name) %}
    {% do return(
        known and known['checksum'] == checksum and not flags.FULL_REFRESH
    ) %}
{% endmacro %}


{# A literal, so that the planner knows how few rows were loaded since. #}
{% macro last_reading(name) %}
    {% set known = graph.get('remembered', {}).get(name) %}
    {% do return("timestamp '" ~ known['since'] ~ "'" if known else none) %}
{% endmacro %}


{# When the contract has changed, what was read before is read again. #}
{% macro since_last_reading() %}
    {% if execute and is_incremental() and is_as_built(checksum_of_contract()) %}
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
