{# Of the counted rows there is one for each combination of the columns. #}
{% test one_row_each(model, columns, counted) %}
    select {{ columns | join(', ') }}
    from {{ model }}
    where {{ counted }}
    group by {{ columns | join(', ') }}
    having count(*) > 1
{% endtest %}
