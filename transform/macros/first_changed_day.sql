{# A change of a day matters to that day and those that follow. What changed,
   the revisions of documents know; and a day that was not over may be now. #}
{% macro first_changed_day(revisions) %}
    {% set since = last_reading() %}
    {% if since == never() %}{% do return('-infinity') %}{% endif %}
    {% set row = run_query(
        "select cast(coalesce(min(day), 'infinity') as text) as day from ("
        ~ 'select min(day) as day from ' ~ revisions
        ~ ' where updated_at > ' ~ since ~ " at time zone 'UTC'"
        ~ ' union all select min(day) from ' ~ this ~ ' where not is_complete'
        ~ ') as changed'
    ).rows[0] %}
    {% do return(row['day']) %}
{% endmacro %}
