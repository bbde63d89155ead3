{# A change of a day matters to that day and those that follow. What changed,
   the revisions of documents know; and a day that was not over may be now. #}
{% macro first_changed_day(revisions) %}
    {% if not execute or not load_cached_relation(this) %}
        {% do return('-infinity') %}
    {% endif %}
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
