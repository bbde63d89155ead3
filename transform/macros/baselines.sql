{#
    How a figure compares with the same person's days before: the means of the 7
    and 28 days before (of at least 3 and 14 values), and by how many standard
    deviations of those 28 days it lies above or below their mean.
#}

{% macro baselines(figure) %}
    case when count({{ figure }}) over last_7_days >= 3
        then cast(avg({{ figure }}) over last_7_days as numeric(10, 2))
    end as {{ figure }}_mean_7d,
    case when count({{ figure }}) over last_28_days >= 14
        then cast(avg({{ figure }}) over last_28_days as numeric(10, 2))
    end as {{ figure }}_mean_28d,
    case when count({{ figure }}) over last_28_days >= 14
        then cast(
            ({{ figure }} - avg({{ figure }}) over last_28_days)
            / nullif(stddev_samp({{ figure }}) over last_28_days, 0)
            as numeric(10, 2)
        )
    end as {{ figure }}_deviation
{% endmacro %}


{% macro days_before(count, whose='user_id') -%}
    partition by {{ whose }}
    order by day
    range between interval '{{ count }} days' preceding
    and interval '1 day' preceding
{%- endmacro %}


{# The figures that have baselines. #}
{% macro figures_with_baselines() %}
    {% do return([
        'sleep_score',
        'readiness_score',
        'activity_score',
        'total_sleep_duration',
        'average_hrv',
        'lowest_heart_rate',
        'temperature_deviation',
        'steps',
    ]) %}
{% endmacro %}


{# The figures of a day that are numbers. #}
{% macro daily_figures() %}
    {% do return([
        'sleep_score',
        'readiness_score',
        'activity_score',
        'total_sleep_duration',
        'deep_sleep_duration',
        'light_sleep_duration',
        'rem_sleep_duration',
        'awake_time',
        'latency',
        'efficiency',
        'average_hrv',
        'lowest_heart_rate',
        'average_heart_rate',
        'average_breath',
        'nap_count',
        'nap_duration',
        'temperature_deviation',
        'steps',
        'total_calories',
        'active_calories',
        'sedentary_time',
        'medium_activity_time',
        'high_activity_time',
        'stress_high',
        'recovery_high',
        'spo2_percentage_average',
        'breathing_disturbance_index',
        'vascular_age',
        'vo2_max',
        'workout_count',
        'workout_calories',
        'session_count',
    ]) %}
{% endmacro %}


{# Each figure, summed up by the week or month. Days that are not over would pull
   sums such as steps down. #}
{% macro figures_by(period) %}
    select
        user_id,
        cast(date_trunc('{{ period }}', day) as date) as {{ period }},
        figure,
        cast(avg(value) as numeric(10, 2)) as mean,
        cast(min(value) as numeric(10, 2)) as lowest,
        cast(max(value) as numeric(10, 2)) as highest,
        cast(count(*) as integer) as days
    from {{ ref('figures') }}
    where is_complete is not false
    group by user_id, date_trunc('{{ period }}', day), figure
{% endmacro %}


{# A change of a day matters to that day and those that follow. What changed,
   the revisions of documents know; and a day that was not over may be now. #}
{% macro first_changed_day(revisions) %}
    {% if not execute %}{% do return('-infinity') %}{% endif %}
    {% set changed = 'select min(day) as day from ' ~ revisions
        ~ ' where updated_at > ' ~ last_reading() ~ " at time zone 'UTC'" %}
    {% if is_incremental() and 'is_complete' in
        adapter.get_columns_in_relation(this) | map(attribute='name') %}
        {% set changed = changed ~ ' union all select min(day) from ' ~ this
            ~ ' where not is_complete' %}
    {% endif %}
    {% set row = run_query(
        'select case when ' ~ last_reading() ~ " = '-infinity' then '-infinity'"
        ~ " else cast(coalesce(min(day), 'infinity') as text) end as day from ("
        ~ changed ~ ') as changed'
    ).rows[0] %}
    {% do return(row['day']) %}
{% endmacro %}
