{#
    Samples of routes that have no documents: heart rate and the ring's battery.
    A row holds those of a UTC day as arrays: one row a sample takes sixty times
    the space. Instants are steps from one sample to the next, which compress ten
    times better than offsets from midnight.
#}

{# The tap has made sure that these are instants and numbers. #}
{% macro sample_columns() %}
    {% do return({
        'heartrate': {
            '"timestamp"': 'timestamptz', 'bpm': 'numeric', 'source': 'text'
        },
        'ring_battery_level': {
            '"timestamp"': 'timestamptz',
            'level': 'numeric',
            'charging': 'boolean',
            'in_charger': 'boolean',
        },
    }) %}
{% endmacro %}


{# A day's samples as rows. To unfold them is most of what a day costs, so staging leaves
   them as loaded, and who needs samples unfolds them. Citus leaves to the machines only
   what asks immutable functions, and collects the samples of everybody for others. #}
{% macro samples_as_loaded(route, day) -%}
    {% if is_on_citus() -%}
        {{ sample_function(route) }}({{ day }}.columns)
    {%- else -%}
        ({{ unfolded(route, day ~ '.columns') }})
    {%- endif %}
{%- endmacro %}


{% macro unfolded(route, columns) %}
    {% set types = sample_columns()[route] %}
    select item.*
    from jsonb_to_record({{ columns }}) as loaded (
        {% for name, type in types.items() %}
            {{ name }} {{ type }}[]{{ ',' if not loop.last }}
        {% endfor %}
    )
    cross join unnest(
        {% for name in types %}
            loaded.{{ name }}{{ ',' if not loop.last }}
        {% endfor %}
    ) with ordinality as item ({{ types | join(', ') }}, number)
{% endmacro %}


{# With other columns it is another one, for views ask the former. #}
{% macro sample_function(route) -%}
    {{ staging_schema() }}.{{ route }}_{{ local_md5(unfolded(route, 'value'))[:8] }}
{%- endmacro %}


{# Before a run. They are immutable, as each instant has its zone. #}
{% macro create_sample_functions() %}
    do $do$
    begin
        {% for route, types in sample_columns().items() %}
            {% set function = sample_function(route) %}
            if to_regprocedure('{{ function }}(jsonb)') is null then
                create function {{ function }}(value jsonb)
                returns table (
                    {% for name, type in types.items() %}
                        {{ name }} {{ type }},
                    {% endfor %}
                    number bigint
                )
                language sql immutable
                as $$
                    {{ unfolded(route, 'value') }}
                $$;
            end if;
        {% endfor %}
    end
    $do$;
{% endmacro %}


{# A staging view's day as rows: the samples as sent, with what is odd in them. #}
{% macro heart_rate_samples(day) %}
    select
        item.number,
        item.timestamp,
        coalesce(item.bpm, {{ odd_number(day, 'bpm') }}) as bpm,
        nullif(item.source, '') as source
    from {{ samples_as_loaded('heartrate', day) }} as item
{% endmacro %}


{% macro ring_battery_samples(day) %}
    select
        item.number,
        item.timestamp,
        coalesce(item.level, {{ odd_number(day, 'level') }}) as level,
        item.charging,
        item.in_charger
    from {{ samples_as_loaded('ring_battery_level', day) }} as item
{% endmacro %}


{% macro samples_of(table, day) %}
    {% set samples = {
        'heart_rate_days': heart_rate_samples,
        'ring_battery_level_days': ring_battery_samples,
    } %}
    {{ samples[table.name](day) }}
{% endmacro %}


{# What the tap could not keep as a number. #}
{% macro odd_number(day, field) -%}
    case
        when {{ day }}.unknown_columns -> '{{ field }}' is not null
            then {{ number_or_nan(
                day ~ ".unknown_columns -> '" ~ field
                ~ "' -> cast(item.number - 1 as integer)"
            ) }}
    end
{%- endmacro %}


{% macro milliseconds_since_the_sample_before() -%}
    cast(1000 * date_part(
        'epoch',
        sample.timestamp - lag(sample.timestamp, 1, {{ utc_midnight('day.day') }})
            over (order by sample.number)
    ) as integer)
{%- endmacro %}


{% macro utc_midnight(day) -%}
    cast({{ day }} as timestamp) at time zone 'UTC'
{%- endmacro %}


{% macro instant_of_sample(day) -%}
    {{ utc_midnight(day ~ '.day') }} + interval '1 millisecond' * sum(item.step)
        over (order by item.number rows unbounded preceding)
{%- endmacro %}


{# The columns whose rules are those of a sample, which is an element of them. #}
{% macro sample_rules(table) %}
    {% set rules = [] %}
    {% for column in table.columns.values() if column.config.meta.each %}
        {% set name = column.name %}
        {% do rules.append((name, column.config.meta.each)) %}
    {% endfor %}
    {% do return(rules) %}
{% endmacro %}


{% macro fits_its_contract() -%}
    {{ all_of(sample_rules(model)) }} is not false
{%- endmacro %}


{#
    The user's clock, where it is known: Oura says these instants in UTC alone,
    but the days of activity, which begin at 4 a.m., say what their offset was.
#}
{% macro activity_days_around(day) %}
    {% for name, distance in activity_days().items() %}
        left join (select * from {{ ref('daily_activity_series') }}) as {{ name }}
            on {{ name }}.user_id = {{ day }}.user_id
                and {{ name }}.day = {{ day }}.day + {{ distance }}
    {% endfor %}
{% endmacro %}


{% macro local_time_of_activity(instant) -%}
    {{ instant }} at time zone 'UTC' + interval '1 minute' * case
        {% for name in activity_days() %}
            when {{ instant }} >= {{ name }}.starts_at
                and {{ instant }} < {{ name }}.starts_at + interval '25 hours'
                then {{ name }}.starts_at_utc_offset
        {% endfor %}
    end
{%- endmacro %}


{% macro activity_days() %}
    {% do return({'day_after': 1, 'same_day': 0, 'day_before': -1}) %}
{% endmacro %}


{#
    A view cannot turn a range of instants into one of days, so each view of
    samples has a function that does: asked by it, only those days are unfolded.
    PostgreSQL writes it out in the query that uses it.
#}
{% macro ask_by_time(margin=0) %}
    {% set function = function_by_time(this) %}
    create or replace function {{ function }}(
        since timestamptz, until timestamptz
    )
    returns setof {{ this }}
    language sql stable
    as $$
        select *
        from {{ this }}
        where day between cast(since at time zone 'UTC' as date) - {{ margin }}
            and cast(until at time zone 'UTC' as date) + {{ margin }}
            and timestamp >= since
            and timestamp < until
    $$;
    comment on function {{ function }}(timestamptz, timestamptz) is
    'The rows of {{ this.identifier }} from an instant up to another.';
{% endmacro %}


{# before 0.1.0: samples were rows of a table, which knows when it first had them. #}
{% macro former_time(name, earliest_or_latest, column) -%}
    {%- set former = adapter.get_relation(
        target.database, target.schema, name
    ) if execute and not is_incremental() -%}
    {%- if former and former.is_table -%}
        coalesce(
            (
                select {{ earliest_or_latest }}(former.{{ column }})
                from {{ former }} as former
                where former.user_id = day.user_id
                    and former.timestamp >= {{ utc_midnight('day.day') }}
                    and former.timestamp < {{ utc_midnight('day.day + 1') }}
            ),
            now()
        )
    {%- else -%}
        now()
    {%- endif -%}
{%- endmacro %}


{% macro function_by_time(view) -%}
    {{ view.schema }}.{{ view.identifier }}_between
{%- endmacro %}
