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


{# The documents that break the contract of a table, with each reason. What a
   value that cannot be read has become stands in macros/parse.sql. #}
{% macro checked_documents(table, is_revisited) %}
    {% set rules = contract_rules(table) %}
    select
        candidate.user_id,
        candidate.stream,
        '{{ table.name }}' as table_name,
        {{ name_of_document() }} as document,
        array(
            select case
                when rule.value is null then rule.name || ' is missing'
                when rule.value = 'NaN' then rule.name || ' is no number'
                when rule.value = '-infinity' then rule.name || ' is no time'
                else rule.name || ' is ' || rule.value || ', not ' || rule.text
            end
            from (
                values
                {% for name, condition in rules %}
                    (
                        '{{ name }}',
                        cast({{ name }} as text),
                        '{{ condition | replace("'", "''") }}',
                        {{ condition }}
                    ){{ ',' if not loop.last }}
                {% endfor %}
            ) as rule (name, value, text, is_kept)
            where rule.is_kept is false and candidate.deleted_at is null
        ) as reasons,
        candidate.content,
        candidate.extracted_at
    from {{ ref(table.refs[0].name) }} as candidate
    where {{ changed_since_last_reading('candidate') }}
        and (
            {{ all_of(rules) }} is false
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
