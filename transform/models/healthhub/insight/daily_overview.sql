{{ config(post_hook='delete from {{ this }} where stream_count = 0') }}

{#- Earlier days are read for their means alone. -#}
{% set first_day = first_changed_day(ref('document_revisions')) %}
{% set is_read = "day >= cast('" ~ first_day ~ "' as date) - 28" %}
{% set streams = [
    'sleep',
    'readiness',
    'activity',
    'stress',
    'resilience',
    'spo2',
    'cardiovascular_age',
    'nights',
    'workouts',
    'sessions',
    'vo2_max',
    'tags',
] %}

-- Each stream is read twice below, for its days and for its figures; what Citus
-- wants of that is in macros/citus.sql.
with

sleep as {{ on_each_machine() }} (
    select
        user_id,
        day,
        score
    from {{ ref('daily_sleep_summaries') }}
    where {{ is_read }}
),

readiness as {{ on_each_machine() }} (
    select
        user_id,
        day,
        score,
        temperature_deviation
    from {{ ref('daily_readiness_summaries') }}
    where {{ is_read }}
),

activity as {{ on_each_machine() }} (
    select
        user_id,
        day,
        score,
        steps,
        total_calories,
        active_calories,
        sedentary_time,
        medium_activity_time,
        high_activity_time
    from {{ ref('daily_activity_summaries') }}
    where {{ is_read }}
),

stress as {{ on_each_machine() }} (
    select
        user_id,
        day,
        stress_high,
        recovery_high,
        day_summary
    from {{ ref('daily_stress_summaries') }}
    where {{ is_read }}
),

resilience as {{ on_each_machine() }} (
    select
        user_id,
        day,
        level
    from {{ ref('daily_resilience_summaries') }}
    where {{ is_read }}
),

spo2 as {{ on_each_machine() }} (
    select
        user_id,
        day,
        spo2_percentage_average,
        breathing_disturbance_index
    from {{ ref('daily_spo2_summaries') }}
    where {{ is_read }}
),

cardiovascular_age as {{ on_each_machine() }} (
    select
        user_id,
        day,
        vascular_age
    from {{ ref('daily_cardiovascular_age_summaries') }}
    where {{ is_read }}
),

nights as {{ on_each_machine() }} (
    select
        user_id,
        day,
        document_id,
        bedtime_start,
        bedtime_start_local,
        bedtime_end,
        bedtime_end_local,
        total_sleep_duration,
        deep_sleep_duration,
        light_sleep_duration,
        rem_sleep_duration,
        awake_time,
        latency,
        efficiency,
        average_hrv,
        lowest_heart_rate,
        average_heart_rate,
        average_breath,
        nap_count,
        nap_duration
    from {{ ref('int_oura__nights') }}
    where {{ is_read }}
),

workouts as {{ on_each_machine() }} (
    select
        user_id,
        day,
        count(*) as workout_count,
        sum(calories) as workout_calories
    from {{ ref('workouts') }}
    where {{ is_read }}
    group by user_id, day
),

sessions as {{ on_each_machine() }} (
    select
        user_id,
        day,
        count(*) as session_count
    from {{ ref('sessions') }}
    where {{ is_read }}
    group by user_id, day
),

vo2_max as {{ on_each_machine() }} (
    select distinct on (user_id, day)
        user_id,
        day,
        vo2_max
    from {{ ref('vo2_max') }}
    where {{ is_read }}
    order by user_id, day, timestamp desc
),

tags as {{ on_each_machine() }} (
    select
        user_id,
        day,
        array_agg(tag order by tag) as tags
    from {{ ref('int_oura__tag_days') }}
    where {{ is_read }}
    group by user_id, day
),

rest_mode_periods as (
    select * from {{ ref('rest_mode_periods') }}
),

users as (
    select * from {{ ref('int_oura__users') }}
),

-- Every day that something is known of. A day of the table that has lost its
-- last document comes out with a stream_count of 0, and the hook deletes it.
days as (
    {% for stream in streams %}
        select
            user_id,
            day
        from {{ stream }}
        {{ 'union' if not loop.last }}
    {% endfor %}
    {% if is_incremental() %}
        union
        select
            user_id,
            day
        from {{ this }}
        where {{ is_read }}
    {% endif %}
),

figures as (
    select
        days.user_id,
        days.day,
        sleep.score as sleep_score,
        readiness.score as readiness_score,
        activity.score as activity_score,
        nights.document_id as main_sleep_id,
        nights.bedtime_start,
        nights.bedtime_start_local,
        nights.bedtime_end,
        nights.bedtime_end_local,
        nights.total_sleep_duration,
        nights.deep_sleep_duration,
        nights.light_sleep_duration,
        nights.rem_sleep_duration,
        nights.awake_time,
        nights.latency,
        nights.efficiency,
        nights.average_hrv,
        nights.lowest_heart_rate,
        nights.average_heart_rate,
        nights.average_breath,
        cast(nights.nap_count as smallint) as nap_count,
        {{ null_if_out_of_range('nights.nap_duration', 'integer') }}
            as nap_duration,
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
        {{ null_if_out_of_range('workouts.workout_calories', 'numeric(9,2)') }}
            as workout_calories,
        cast(coalesce(sessions.session_count, 0) as smallint) as session_count,
        coalesce(tags.tags, '{}') as tags,
        coalesce(rest_mode.is_on, false) as is_rest_mode,
        days.day <= coalesce(
            users.last_complete_day, current_date - 1
        ) as is_complete,
        cast(num_nonnulls(
            {% for stream in streams %}
                {{ stream }}.user_id{{ ',' if not loop.last }}
            {% endfor %}
        ) as smallint) as stream_count
    from days
    left join users
        on days.user_id = users.user_id
    left join sleep
        on days.user_id = sleep.user_id and days.day = sleep.day
    left join readiness
        on days.user_id = readiness.user_id and days.day = readiness.day
    left join activity
        on days.user_id = activity.user_id and days.day = activity.day
    left join stress
        on days.user_id = stress.user_id and days.day = stress.day
    left join resilience
        on days.user_id = resilience.user_id and days.day = resilience.day
    left join spo2
        on days.user_id = spo2.user_id and days.day = spo2.day
    left join cardiovascular_age
        on days.user_id = cardiovascular_age.user_id
            and days.day = cardiovascular_age.day
    left join nights
        on days.user_id = nights.user_id and days.day = nights.day
    left join workouts
        on days.user_id = workouts.user_id and days.day = workouts.day
    left join sessions
        on days.user_id = sessions.user_id and days.day = sessions.day
    left join vo2_max
        on days.user_id = vo2_max.user_id and days.day = vo2_max.day
    left join tags
        on days.user_id = tags.user_id and days.day = tags.day
    left join lateral (
        select true as is_on
        from rest_mode_periods as period
        where period.user_id = days.user_id
            and days.day between period.start_day
            and coalesce(period.end_day, 'infinity')
        -- Whichever: they all say the same.
        limit 1 -- noqa: AM09
    ) as rest_mode on true
),

compared as (
    select
        *,
        {{ baselines('sleep_score') }},
        {{ baselines('readiness_score') }},
        {{ baselines('activity_score') }},
        {{ baselines('total_sleep_duration') }},
        {{ baselines('average_hrv') }},
        {{ baselines('lowest_heart_rate') }},
        {{ baselines('temperature_deviation') }},
        {{ baselines('steps') }}
    from figures
    window
        last_7_days as (
            partition by user_id
            order by day
            range between interval '7 days' preceding
            and interval '1 day' preceding
        ),
        last_28_days as (
            partition by user_id
            order by day
            range between interval '28 days' preceding
            and interval '1 day' preceding
        )
)

select
    *,
    now() as created_at,
    now() as updated_at
from compared
where day >= cast('{{ first_day }}' as date)
