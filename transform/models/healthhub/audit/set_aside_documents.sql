{{ config(post_hook="delete from {{ this }} where reasons = '{}'") }}

{% for stream in document_streams() %}
-- depends_on: {{ ref('stg_oura__' ~ stream) }}
{% endfor %}
{% for table in [
    'daily_activity_series',
    'daily_activity_summaries',
    'daily_cardiovascular_age_summaries',
    'daily_readiness_summaries',
    'daily_resilience_summaries',
    'daily_sleep_summaries',
    'daily_spo2_summaries',
    'daily_stress_summaries',
    'heart_rate_days',
    'personal_info',
    'rest_mode_periods',
    'ring_battery_level_days',
    'ring_configurations',
    'sessions',
    'sleep_periods',
    'sleep_time_summaries',
    'tags',
    'vo2_max',
    'workouts',
] %}
-- depends_on: {{ ref(table) }}
{% endfor %}
-- depends_on: {{ ref('stg_oura__heartrate') }}
-- depends_on: {{ ref('stg_oura__ring_battery_level') }}
-- depends_on: {{ ref('int_oura__tags') }}
-- depends_on: {{ ref('deleted_documents') }}

select distinct on (user_id, table_name, document)
    user_id,
    stream,
    table_name,
    document,
    reasons,
    earlier_version_stays,
    content,
    now() as created_at,
    now() as updated_at
from (
    {% set since = last_reading() %}
    {% set revisited = revisited_tables() %}
    {% set found = [] %}
    {% for table in tables_that_hold('documents') %}
        {% do found.append(checked_documents(table, since, table.name in revisited)) %}
    {% endfor %}
    {% for table in tables_with_a_place_each() %}
        {% do found.append(displaced_documents(table, since, table.name in revisited)) %}
    {% endfor %}
    {% for table in tables_that_hold('samples') %}
        {% do found.append(checked_samples(table, since, table.name in revisited)) %}
    {% endfor %}
    {% if found %}
        ({{ found | join(') union all (') }})
    {% else %}
        {#- Only while dbt parses, when it knows no tables yet. #}
        select
            cast(null as uuid) as user_id,
            cast(null as text) as stream,
            cast(null as text) as table_name,
            cast(null as text) as document,
            cast(null as text[]) as reasons,
            cast(null as boolean) as earlier_version_stays,
            cast(null as jsonb) as content,
            cast(null as timestamp) as extracted_at
        where false
    {% endif %}
) as documents
order by user_id, table_name, document, extracted_at desc
