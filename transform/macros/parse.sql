{#
    Casts that never fail. What cannot be read becomes a value that no contract
    accepts ('NaN', '-infinity'), so that its document is set aside and the
    others are not held up.
#}

{# A value that does not fit its column is in `unknown_fields`, and so is one
   that came before the tap knew the field. #}
{% macro safe_number(column) -%}
    coalesce(
        {{ column }},
        {{ safe_json_number('unknown_fields', column) }}
    )
{%- endmacro %}


{% macro safe_json_number(object, field) -%}
    {{ number_or_nan(object ~ " -> '" ~ field ~ "'") }}
{%- endmacro %}


{% macro number_or_nan(value) -%}
    case
        when jsonb_typeof({{ value }}) = 'number'
            then cast({{ value }} as numeric)
        when {{ value }} != 'null' then 'NaN'
    end
{%- endmacro %}


{# What is worked out of values that are impossible may be too large for its
   column: then there is none. #}
{% macro null_if_out_of_range(value, type) -%}
    case
        when {{ value }} {{ bounds_of(type) }}
            then cast({{ value }} as {{ type }})
    end
{%- endmacro %}


{# The target writes a missing object as JSON's null, which is not SQL's. #}
{% macro json_or_null(value) -%}
    nullif({{ value }}, 'null')
{%- endmacro %}


{# An instant with what it was on the user's clock: local time, and the offset
   from UTC in minutes. #}
{% macro local_times(text, name=none) -%}
    {%- set name = name or text -%}
    {{ safe_timestamp(text) }} as {{ name }},
    {{ safe_local_time(text) }} as {{ name }}_local,
    {{ utc_offset(text) }} as {{ name }}_utc_offset
{%- endmacro %}


{# NULL, too, for a local time that says no offset. #}
{% macro safe_timestamp(text) -%}
    case
        when {{ text }} ~ '^{{ date_time_pattern() }}{{ offset_pattern() }}$'
            then cast({{ text }} as timestamptz)
        when {{ text }} !~ '^{{ date_time_pattern() }}$' then '-infinity'
    end
{%- endmacro %}


{% macro safe_local_time(text) -%}
    case
        when {{ text }} ~ '^{{ date_time_pattern() }}{{ offset_pattern() }}?$'
            then cast({{ text }} as timestamp)
        when {{ text }} is not null then '-infinity'
    end
{%- endmacro %}


{% macro utc_offset(text) -%}
    case
        when {{ text }} ~ '^{{ date_time_pattern() }}{{ offset_pattern() }}$'
            then cast(
                extract(
                    epoch from cast({{ text }} as timestamp)
                    - cast({{ text }} as timestamptz) at time zone 'UTC'
                ) / 60 as smallint
            )
    end
{%- endmacro %}


{# A date of this century that exists, and a time of day. #}
{% macro date_time_pattern() -%}
    {%- set days = [
        '(0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])',
        '(0[469]|11)-(0[1-9]|[12][0-9]|30)',
        '02-(0[1-9]|1[0-9]|2[0-8])',
    ] | join('|') -%}
    {%- set leap_days = '([02468][048]|[13579][26])-02-29' -%}
    20([0-9]{2}-({{ days }})|{{ leap_days }})
    {#- #}[T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]+)?)?
{%- endmacro %}


{% macro offset_pattern() -%}
    (Z|[+-](0[0-9]|1[0-5])(:?[0-5][0-9])?)
{%- endmacro %}


{# Oura's ids are strings and usually UUIDs. One that is not, or is missing, is
   mapped to a name-based UUID of user, stream and id (or what stands in for
   it), the same on every run. #}
{% macro document_id(stream, instead='id') -%}
    case
        when id ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
            then cast(id as uuid)
        else {{ derived_id(
            stream, "coalesce('id ' || id, '" ~ instead ~ " ' || " ~ instead ~ ")"
        ) }}
    end
{%- endmacro %}


{% macro derived_id(stream, name) -%}
    cast(overlay(overlay(md5(
        concat_ws('/', user_id, '{{ stream }}', {{ name }})
    ) placing '3' from 13) placing '8' from 17) as uuid)
{%- endmacro %}


{# What every staging view ends with: the document as sent, without the long
   lists of samples, and when it was read and loaded (in UTC). `sent` is the row
   of the raw table as a whole, for a view sees no column that the table gets
   later, but sees the whole; PostgreSQL makes it anew wherever it is named.
   `displaced` are the documents that Oura sent before it in the same answer, for
   the same day or instant. #}
{% macro as_loaded(stream, without=[]) -%}
    '{{ stream }}' as stream,
    {{ as_sent('sent', 'unknown_fields') }} - array[
        'user_id',
        'timestamp_utc',
        'displaced',
        {%- for name in without %}
        '{{ name }}',
        {%- endfor %}
        {%- for name in target_columns() %}
        '{{ name }}'{% if not loop.last %},{% endif %}
        {%- endfor %}
    ] as content,
    {% if keeps_displaced(stream) -%}
        {{ json_or_null('displaced') }}
    {%- else -%}
        cast(null as jsonb)
    {%- endif %} as displaced,
    _sdc_extracted_at as extracted_at,
    _sdc_batched_at as loaded_at
{%- endmacro %}


{# The same whether the tap knew a field when it came, or kept it in
   `unknown_fields`, or has learnt it since and Oura does not send it. #}
{% macro as_sent(content, unknown_fields) -%}
    jsonb_strip_nulls(
        {{ content }} - 'unknown_fields'
        || case
            when jsonb_typeof({{ unknown_fields }}) = 'object'
                then {{ unknown_fields }}
            else '{}'
        end
    )
{%- endmacro %}
