{# The tables that are made by `contracted`. #}
{% macro document_tables() %}
    {% set tables = [] %}
    {% for node in (graph.nodes if execute else {}).values() %}
        {% if node.resource_type == 'model'
            and node.config.meta.holds == 'documents' %}
            {% do tables.append(node) %}
        {% endif %}
    {% endfor %}
    {% do return(tables) %}
{% endmacro %}


{# Known rows are looked at again when their document is: without a reason left
   they leave. #}
{% macro revisited_tables() %}
    {% if execute and is_incremental() %}
        {% do return(run_query(
            'select distinct table_name from ' ~ this
        ).columns[0].values()) %}
    {% endif %}
    {% do return([]) %}
{% endmacro %}


{# The documents that break the contract of a table, with each reason. #}
{% macro checked_documents(table, is_revisited) %}
    select
        candidate.user_id,
        candidate.stream,
        '{{ table.name }}' as table_name,
        {{ name_of_document() }} as document,
        case
            when candidate.deleted_at is not null then '{}'
            else array_remove(array[
                {% for rule in contract_rules(table) %}
                    {{ broken_rule(rule) }}
                    {{- ',' if not loop.last }}
                {% endfor %}
            ], null)
        end as reasons,
        candidate.content,
        candidate.extracted_at
    from {{ ref(table.refs[0].name) }} as candidate
    where {{ changed_since_last_reading('candidate') }}
        and (
            {% for rule in contract_rules(table) %}
                ({{ rule.condition }}) is false
                {{- ' or' if not loop.last }}
            {% endfor %}
            {% if is_revisited %}
                or exists (
                    select from {{ this }} as known
                    where known.table_name = '{{ table.name }}'
                        and known.user_id = candidate.user_id
                        and known.document = {{ name_of_document() }}
                )
            {% endif %}
        )
{% endmacro %}


{% macro name_of_document() -%}
    coalesce(
        candidate.content ->> 'id',
        candidate.content ->> 'timestamp',
        candidate.content ->> 'day'
    )
{%- endmacro %}


{# What a value that cannot be read has become stands in macros/parse.sql. #}
{% macro broken_rule(rule) -%}
    case
        when ({{ rule.condition }}) is not false then null
        when {{ rule.column }} is null then '{{ rule.column }} is missing'
        when cast({{ rule.column }} as text) = 'NaN'
            then '{{ rule.column }} is no number'
        when cast({{ rule.column }} as text) = '-infinity'
            then '{{ rule.column }} is no time'
        else '{{ rule.column }} is ' || cast({{ rule.column }} as text)
            || ', not {{ rule.condition | replace("'", "''") }}'
    end
{%- endmacro %}


{# The last word of a run. #}
{% macro report_set_aside_documents() %}
    {% set table = adapter.get_relation(
        target.database, target.schema, 'set_aside_documents'
    ) %}
    {% if execute and table %}
        {% set count = run_query('select count(*) as n from ' ~ table)
            .rows[0]['n'] %}
        {% if count %}
            {% do log(
                count ~ ' documents with impossible values are set aside: see '
                ~ 'healthhub.set_aside_documents.', info=true
            ) %}
        {% endif %}
    {% endif %}
{% endmacro %}
