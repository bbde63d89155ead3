{# The streams of documents that have an id, with the column that is their day. #}
{% macro document_streams() %}
    {% do return({
        'daily_activity': 'day',
        'daily_cardiovascular_age': 'day',
        'daily_readiness': 'day',
        'daily_resilience': 'day',
        'daily_sleep': 'day',
        'daily_spo2': 'day',
        'daily_stress': 'day',
        'enhanced_tag': 'day',
        'personal_info': 'day',
        'rest_mode_period': 'start_day',
        'ring_configuration': 'day',
        'session': 'day',
        'sleep': 'day',
        'sleep_time': 'day',
        'tag': 'day',
        'vo2_max': 'day',
        'workout': 'day',
    }) %}
{% endmacro %}


{# These are read as a whole; what they say, they say of today. #}
{% macro is_undated(stream) -%}
    {{ stream }} in ('personal_info', 'ring_configuration')
{%- endmacro %}


{# A day, or an instant, has one document of these: the raw table keeps those that
   gave it up. #}
{% macro keeps_displaced(stream) %}
    {% do return(
        stream.startswith('daily_') or stream in ('sleep_time', 'vo2_max')
    ) %}
{% endmacro %}


{# Windows in which Oura answered for a day, up to when a revision of it closed. #}
{% macro answered_for(sync_window, day) -%}
    {{ equal_columns(['user_id', 'stream'], sync_window, 'closing') }}
    and {{ sync_window }}.outcome = 'ok'
    and {{ sync_window }}.synced_at <= closing.seen_at at time zone 'UTC'
    and (
        {{ day }} between {{ sync_window }}.window_start
        and {{ sync_window }}.window_end
        or {{ is_undated('closing.stream') }}
    )
{%- endmacro %}
