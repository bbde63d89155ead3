{# Of a document that is in deleted_documents, what was read up to then is gone;
   what was read later has come back. #}
{% macro is_deleted(document) -%}
    exists (
        select from (select * from {{ ref('deleted_documents') }}) as gone
        where {{ is_gone(document) }}
    )
{%- endmacro %}


{% macro is_gone(document) -%}
    {{ equal_columns(['user_id', 'stream', 'document_id'], 'gone', document) }}
    and gone.last_read_at >= {{ document }}.extracted_at at time zone 'UTC'
{%- endmacro %}
