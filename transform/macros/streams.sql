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


{# Of these a day has one document. #}
{% macro has_one_a_day(stream) -%}
    ({{ stream }} like 'daily%' or {{ stream }} = 'sleep_time')
{%- endmacro %}


{# These are read as a whole; what they say, they say of today. #}
{% macro is_undated(stream) -%}
    {{ stream }} in ('personal_info', 'ring_configuration')
{%- endmacro %}
