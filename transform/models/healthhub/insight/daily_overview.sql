{{ config(post_hook='delete from {{ this }} where routes = 0') }}

{#- Earlier days are read for their means alone. -#}
{% set first_day = first_changed_day(ref('document_revisions')) %}
{% set is_read = "day >= cast('" ~ first_day ~ "' as date) - 28" %}

{% set daily_tables = {
    'sleep': 'daily_sleep_summaries',
    'readiness': 'daily_readiness_summaries',
    'activity': 'daily_activity_summaries',
    'stress': 'daily_stress_summaries',
    'resilience': 'daily_resilience_summaries',
    'spo2': 'daily_spo2_summaries',
    'cardiovascular_age': 'daily_cardiovascular_age_summaries',
    'night': 'int_oura__nights',
} %}

with

workouts as (
    select
        user_id,
        day,
        count(*) as workout_count,
        sum(calories) as workout_calories
    from {{ ref('workouts') }}
    where {{ is_read }}
    group by user_id, day
),

sessions as (
    select
        user_id,
        day,
        count(*) as session_count
    from {{ ref('sessions') }}
    where {{ is_read }}
    group by user_id, day
),

vo2_max as (
    select distinct on (user_id, day)
        user_id,
        day,
        vo2_max
    from {{ ref('vo2_max') }}
    where {{ is_read }}
    order by user_id, day, timestamp desc
),

tags as (
    select
        user_id,
        day,
        array_agg(tag order by tag) as tags
    from {{ ref('int_oura__tag_days') }}
    where {{ is_read }}
    group by user_id, day
),

-- Every day that something is known of, and those that are in the table: a day
-- that has lost its last document is to leave it.
days as (
    {% for table in daily_tables.values() %}
        select
            user_id,
            day
        from {{ ref(table) }}
        where {{ is_read }}
        union
    {% endfor %}
    {% for table in ['workouts', 'sessions', 'vo2_max'] %}
        select
            user_id,
            day
        from {{ table }}
        union
    {% endfor %}
    {% if is_incremental() %}
        select
            user_id,
            day
        from {{ this }}
        where {{ is_read }}
        union
    {% endif %}
    select
        user_id,
        day
    from tags
),

figures as (
    select
        days.user_id,
        days.day,
        sleep.score as sleep_score,
        readiness.score as readiness_score,
        activity.score as activity_score,
        night.document_id as main_sleep_id,
        night.bedtime_start,
        night.bedtime_start_local,
        night.bedtime_end,
        night.bedtime_end_local,
        night.total_sleep_duration,
        night.deep_sleep_duration,
        night.light_sleep_duration,
        night.rem_sleep_duration,
        night.awake_time,
        night.latency,
        night.efficiency,
        night.average_hrv,
        night.lowest_heart_rate,
        night.average_heart_rate,
        night.average_breath,
        cast(night.nap_count as smallint) as nap_count,
        cast(night.nap_duration as integer) as nap_duration,
        readiness.temperature_deviation,
        activity.steps,
        activity.total_calories,
        activity.active_calories,
        activity.sedentary_time,
        activity.medium_activity_time,
        activity.high_activity_time,
        stress.stress_high,
        stress.recovery_high,
        stress.day_summary as stress_summary,
        resilience.level as resilience_level,
        spo2.spo2_percentage_average,
        spo2.breathing_disturbance_index,
        cardiovascular_age.vascular_age,
        vo2_max.vo2_max,
        cast(coalesce(workouts.workout_count, 0) as smallint) as workout_count,
        cast(workouts.workout_calories as numeric(9, 2)) as workout_calories,
        cast(coalesce(sessions.session_count, 0) as smallint) as session_count,
        coalesce(tags.tags, '{}') as tags,
        exists(
            select from (select * from {{ ref('rest_mode_periods') }}) as period
            where period.user_id = days.user_id
                and days.day between period.start_day
                and coalesce(period.end_day, 'infinity')
        ) as is_rest_mode,
        days.day <= coalesce(
            users.last_complete_day, current_date - 1
        ) as is_complete,
        cast(num_nonnulls(
            {% for name in daily_tables %}
                {{ name }}.user_id,
            {% endfor %}
            workouts.user_id,
            sessions.user_id,
            vo2_max.user_id,
            tags.user_id
        ) as smallint) as routes
    from days
    left join (select * from {{ ref('int_oura__accounts') }}) as users
        on days.user_id = users.user_id
    {% for name, table in daily_tables.items() %}
        left join (select * from {{ ref(table) }}) as {{ name }}
            on days.user_id = {{ name }}.user_id
                and days.day = {{ name }}.day
                and {{ name }}.{{ is_read }}
    {% endfor %}
    {% for name in ['workouts', 'sessions', 'vo2_max', 'tags'] %}
        left join {{ name }}
            on days.user_id = {{ name }}.user_id
                and days.day = {{ name }}.day
    {% endfor %}
),

compared as (
    select
        *,
    {% for figure in figures_with_baselines() %}
        {{ baselines(figure) }}{{ ',' if not loop.last }}
    {% endfor %}
    from figures
    window
        last_7_days as ({{ days_before(7) }}),
        last_28_days as ({{ days_before(28) }})
)

select
    *,
    now() as created_at,
    now() as updated_at
from compared
where day >= cast('{{ first_day }}' as date)
