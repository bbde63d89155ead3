{# Of days that are over alone: the others would pull sums such as steps down. #}
{% macro figures_by(period, figures) %}
    select
        user_id,
        cast(date_trunc('{{ period }}', day) as date) as {{ period }},
        figure,
        {{ null_if_out_of_range('avg(value)', 'numeric(10,2)') }} as mean,
        cast(min(value) as numeric(10, 2)) as lowest,
        cast(max(value) as numeric(10, 2)) as highest,
        cast(count(*) as integer) as days
    from {{ figures }}
    where is_complete is not false
    group by user_id, date_trunc('{{ period }}', day), figure
{% endmacro %}
