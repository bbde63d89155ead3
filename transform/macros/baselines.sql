{#
    How a figure compares with the same user's days before: the means of the 7
    and 28 days before (of at least 3 and 14 values), and by how many standard
    deviations of those 28 days it lies above or below their mean (its z-score).
#}

{% macro baselines(figure) %}
    {% set mean_7d = 'avg(' ~ figure ~ ') over last_7_days' %}
    {% set mean_28d = 'avg(' ~ figure ~ ') over last_28_days' %}
    {% set z_score = '(' ~ figure ~ ' - ' ~ mean_28d ~ ') / nullif(stddev_samp('
        ~ figure ~ ') over last_28_days, 0)' %}
    case when count({{ figure }}) over last_7_days >= 3
        then {{ null_if_out_of_range(mean_7d, 'numeric(10,2)') }}
    end as {{ figure }}_mean_7d,
    case when count({{ figure }}) over last_28_days >= 14
        then {{ null_if_out_of_range(mean_28d, 'numeric(10,2)') }}
    end as {{ figure }}_mean_28d,
    case when count({{ figure }}) over last_28_days >= 14
        then {{ null_if_out_of_range(z_score, 'numeric(10,2)') }}
    end as {{ figure }}_z_score
{% endmacro %}
