{#
    Oura does not say what was deleted. But a document that a later, completely
    read window of its days no longer contains is gone, and is marked where
    Singer targets keep that: in `_sdc_deleted_at`. If it comes back, the target
    clears the mark. A window that failed marks nothing.
#}

{% macro mark_deleted_documents() %}
    {% if not execute or is_partial() %}{% do return('') %}{% endif %}

    {% for document in graph.sources.values() if document.name != 'sync_windows' %}
        update {{ document.relation_name }} as document
        set _sdc_deleted_at = {{ run_start() }}
        from {{ source('oura', 'sync_windows') }} as sync_window
        where sync_window.stream = '{{ document.name }}'
            and sync_window.outcome = 'ok'
            and sync_window.user_id = document.user_id
            and sync_window.synced_at > document._sdc_extracted_at
            and document._sdc_deleted_at is null
            and sync_window._sdc_batched_at > {{ last_reading('sync_windows') }}
        {% set day = document.config.meta.day %}
        {% if day %}
            and document.{{ day }} >= sync_window.window_start
            and document.{{ day }} < sync_window.window_end + 1
        {% endif %};
    {% endfor %}
    {{ remember('sync_windows') }}
{% endmacro %}
