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


{% macro days_before(count) -%}
    partition by user_id
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


{# A change of a day matters to that day and those that follow. What changed,
   the revisions of documents know. #}
{% macro first_changed_day(revisions) %}
    {% if not execute %}{% do return('-infinity') %}{% endif %}
    {% set row = run_query(
        'select case when ' ~ last_reading() ~ " = '-infinity' then '-infinity'"
        ~ " else cast(coalesce(min(day), 'infinity') as text) end as day from "
        ~ revisions ~ ' where updated_at > ' ~ last_reading()
        ~ " at time zone 'UTC'"
    ).rows[0] %}
    {% do return(row['day']) %}
{% endmacro %}
