{# There is one row for each combination of the columns. A table's primary key
   sees to that; of a view, the SQL has to: this runs when the SQL changes, and
   not in a run (selectors.yml). #}
{% test grain(model, columns) %}
    select {{ columns | join(', ') }}
    from {{ model }}
    group by {{ columns | join(', ') }}
    having count(*) > 1
{% endtest %}
