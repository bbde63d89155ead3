{#
    A table of documents is its contract: which columns, of which type, within
    which bounds stands in the YAML of the folder, and what each is read from in
    the staging view. This is the query between the two. Of several documents
    with one id the one read last counts.
#}

{% macro contracted(documents) %}
    {% set columns = model.columns.values()
        | rejectattr('name', 'in', times_of_a_row()) | list %}

    select
        {% for column in columns %}
            cast(document.{{ column.name }} as {{ column.data_type }})
                as {{ column.name }},
        {% endfor %}
        now() as created_at,
        now() as updated_at
    from (
        select distinct on (user_id, document_id) candidate.*
        from {{ documents }} as candidate
        where candidate.deleted_at is null
            and {{ loaded_since_last_reading('candidate') }}
        {% for rule in contract_rules(columns) %}
            and ({{ rule.holds }}) is not false
        {% endfor %}
        order by user_id, document_id, extracted_at desc
    ) as document
{% endmacro %}


{# What a contract demands of each column, as conditions over the staging view:
   that it fits its type and passes its checks. A day lies between the founding
   of Oura and tomorrow, which is where the date line is. #}
{% macro contract_rules(columns) %}
    {% set bounds = {
        'smallint': 'between -32768 and 32767',
        'integer': 'between -2147483648 and 2147483647',
        'numeric(5,2)': 'between -999.99 and 999.99',
        'timestamptz': "> '-infinity'",
    } %}
    {% set rules = [] %}
    {% for column in columns %}
        {% if column.name == 'day' %}
            {% do rules.append({
                'column': 'day',
                'holds': "day between '2013-01-01' and "
                    ~ "cast(now() at time zone 'UTC' as date) + 1",
            }) %}
        {% endif %}
        {% if column.data_type in bounds %}
            {% do rules.append({
                'column': column.name,
                'holds': column.name ~ ' ' ~ bounds[column.data_type],
            }) %}
        {% endif %}
        {% for constraint in column.constraints if constraint.type == 'check' %}
            {% do rules.append({
                'column': column.name, 'holds': constraint.expression,
            }) %}
        {% endfor %}
    {% endfor %}
    {% do return(rules) %}
{% endmacro %}
