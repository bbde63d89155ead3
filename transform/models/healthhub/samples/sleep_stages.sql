{%- set stages = {'1': 'deep', '2': 'light', '3': 'rem', '4': 'awake'} -%}
{%- set seconds = {'30_sec': 30, '5_min': 300, 'app_5_min': 300} -%}
{%- set columns = {
    '30_sec': 'sleep_phase_30_sec',
    '5_min': 'sleep_phase_5_min',
    'app_5_min': 'app_sleep_phase_5_min',
} -%}

-- Oura sends the stages of a night up to three times. Only the finest recording
-- becomes rows, so that whoever adds them up counts each second once.
with

sleep_periods as not materialized (
    select
        user_id,
        day,
        document_id,
        bedtime_start,
        bedtime_start_local,
        bedtime_start_utc_offset,
        sleep_phase_30_sec,
        case
            when coalesce(sleep_phase_30_sec, '') = '' then sleep_phase_5_min
        end as sleep_phase_5_min,
        case
            when coalesce(sleep_phase_30_sec, '') = ''
                and coalesce(sleep_phase_5_min, '') = ''
                then app_sleep_phase_5_min
        end as app_sleep_phase_5_min
    from {{ ref('sleep_periods') }}
)

{% for series, column in columns.items() %}
    select
        *,
        {{ seconds[series] }} as seconds
    from (
        {{ coded_samples(
            'sleep_periods', series, column, 'bedtime_start', seconds[series], stages
        ) }}
    ) as samples
    {{ 'union all' if not loop.last }}
{% endfor %}
