{#
    Casts that never fail. What cannot be read becomes a value that no rule of a
    contract accepts ('NaN', '-infinity'), so that its document is set aside and
    the others are not held up.
#}

{% macro json_number(object, field) -%}
    case
        when {{ object }} ->> '{{ field }}' is null then null
        when jsonb_typeof({{ object }} -> '{{ field }}') = 'number'
            then cast({{ object }} ->> '{{ field }}' as numeric)
        else 'NaN'
    end
{%- endmacro %}


{% macro instant(text) -%}
    case
        when {{ text }} is null then null
        when {{ text }} ~ '{{ iso_8601_pattern() }}'
            then cast({{ text }} as timestamptz)
        else '-infinity'
    end
{%- endmacro %}


{# A real date of this century, a time, and an offset from UTC. #}
{% macro iso_8601_pattern() -%}
    {%- set date = [
        '(0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])',
        '(0[469]|11)-(0[1-9]|[12][0-9]|30)',
        '02-(0[1-9]|1[0-9]|2[0-8])',
    ] | join('|') -%}
    {%- set leap_day = '([02468][048]|[13579][26])-02-29' -%}
    ^20(([0-9]{2}-({{ date }}))|({{ leap_day }}))
    {#- #}[T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]+)?)?
    {#- #}(Z|[+-](0[0-9]|1[0-5]):?[0-5][0-9])$
{%- endmacro %}


{# Oura's ids are strings and usually UUIDs: one that is not, or is missing, is
   mapped to a name-based UUID of account, stream and id (or what stands in for
   it), the same on every run. #}
{% macro document_id(stream, id, instead) -%}
    case
        when lower({{ id }}) ~ '^[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}$'
            then cast({{ id }} as uuid)
        else cast(
            overlay(
                overlay(
                    md5(
                        concat_ws(
                            '/',
                            user_id,
                            '{{ stream }}',
                            coalesce('id ' || {{ id }}, '{{ instead }} ' || {{ instead }})
                        )
                    ) placing '3' from 13
                ) placing '8' from 17
            ) as uuid
        )
    end
{%- endmacro %}
