{# Of the counted rows there is one for each combination of the columns. A
   second one comes with a write: only what was written of late is looked at. #}
{% test one_row_each(model, columns, counted) %}
    select written.*
    from (select * from {{ model }}) as written
    where {{ counted }}
        and written.updated_at > now() - interval '2 days'
        and (
            select count(*)
            from (select * from {{ model }}) as alike
            where {{ counted }} and {{ equal_columns(columns, 'alike', 'written') }}
        ) > 1
{% endtest %}
