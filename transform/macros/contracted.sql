{#
    A table of documents is its contract: which columns, of which type, within
    which bounds stands in the YAML of its folder, and what each is read from in
    its staging view. This is the query between the two. Documents that break
    the contract are not in it (they are in set_aside_documents), and of several
    with one identity the one read last counts.
#}

{% macro contracted(documents) %}
    {% set columns = model.columns.values()
        | rejectattr('name', 'in', times_of_a_row()) | list %}
    {% set since = last_reading() %}

    select
        {% for column in columns %}
            cast(document.{{ column.name }} as {{ column.data_type }})
                as {{ column.name }},
        {% endfor %}
        now() as created_at,
        now() as updated_at
    from (
        select distinct on ({{ identity_columns(model) | join(', ') }}) candidate.*
        from (select * from {{ documents }}) as candidate
        where candidate.loaded_at > {{ since }}
            and not {{ is_deleted('candidate') }}
        order by
            {{ identity_columns(model) | join(', ') }},
            extracted_at desc
            {%- if 'day' in model.columns %}, day desc{% endif %}

    ) as document
    where {{ all_of(contract_rules(model)) }} is not false
{% endmacro %}


{# A row a document, also where its key in the table is its day. #}
{% macro identity_columns(table) %}
    {% set key = primary_key(table) %}
    {% do return(
        ['user_id', 'document_id']
        if key == ['user_id', 'day'] and 'document_id' in table.columns
        else key
    ) %}
{% endmacro %}


{# What a contract demands of each column, as conditions over the staging view:
   that it is there, fits its type, and passes its checks. #}
{% macro contract_rules(table) %}
    {% set rules = [] %}
    {% set not_sent = times_of_a_row() %}
    {% for column in table.columns.values() if column.name not in not_sent %}
        {% set name = column.name %}
        {% if name in ('day', 'start_day') %}
            {% do rules.append((name, day_condition(name))) %}
        {% endif %}
        {% set bounds = bounds_of(column.data_type) %}
        {% if bounds %}
            {% do rules.append((name, name ~ ' ' ~ bounds)) %}
        {% endif %}
        {% for constraint in column.constraints %}
            {% if constraint.type == 'check' %}
                {% do rules.append((name, constraint.expression)) %}
            {% elif constraint.type == 'not_null' %}
                {% do rules.append((name, name ~ ' is not null')) %}
            {% endif %}
        {% endfor %}
    {% endfor %}
    {% do return(rules) %}
{% endmacro %}


{# False as soon as one of the conditions is. #}
{% macro all_of(rules) -%}
    (({{ rules | map(attribute=1) | join(') and (') }}))
{%- endmacro %}


{# Between the founding of Oura and tomorrow, which it is beyond the date line. #}
{% macro day_condition(name) -%}
    {{ name }} between '2013-01-01' and cast(now() at time zone 'UTC' as date) + 1
{%- endmacro %}


{# NaN is above all numbers, and what is no time was read as -infinity. #}
{% macro bounds_of(type) %}
    {% if type == 'smallint' %}
        {% do return('between -32768 and 32767') %}
    {% elif type == 'integer' %}
        {% do return('between -2147483648 and 2147483647') %}
    {% elif type.startswith('numeric(') %}
        {% set precision, scale = type[8:-1].split(',') %}
        {% set largest = '9' * (precision | int - scale | int)
            ~ '.' ~ '9' * (scale | int) %}
        {% do return('between -' ~ largest ~ ' and ' ~ largest) %}
    {% elif type in ('timestamp', 'timestamptz') %}
        {% do return("> '-infinity'") %}
    {% endif %}
    {% do return(none) %}
{% endmacro %}
