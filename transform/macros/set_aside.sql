{# The tables whose contract keeps out what is impossible. #}
{% macro tables_that_hold(kind) %}
    {% set tables = [] %}
    {% for node in (graph.nodes if execute else {}).values() %}
        {% if node.resource_type == 'model' and node.config.meta.holds == kind %}
            {% do tables.append(node) %}
        {% endif %}
    {% endfor %}
    {% do return(tables) %}
{% endmacro %}


{# Known rows are looked at again when their document is: without a reason left
   they leave. #}
{% macro revisited_tables() %}
    {% if execute and is_incremental() %}
        {% do return(run_query(
            'select distinct table_name from ' ~ this
        ).columns[0].values()) %}
    {% endif %}
    {% do return([]) %}
{% endmacro %}


{# The documents that break the contract of a table, with each reason. What a
   value that cannot be read has become stands in macros/parse.sql. #}
{% macro checked_documents(table, since, is_revisited) %}
    {% set rules = contract_rules(table) %}
    {% set documents = '(select * from ' ~ ref(table.refs[0].name) ~ ')' %}
    select
        candidate.user_id,
        candidate.stream,
        '{{ table.name }}' as table_name,
        {{ name_of_document() }} as document,
        case
            when {{ is_deleted('candidate') }} then '{}'
            else {{ broken_rules(rules) }}
        end as reasons,
        exists (
            select from (select * from {{ ref(table.name) }}) as kept
            where {{ equal_columns(key_of_document(table), 'kept', 'candidate') }}
        ) as earlier_version_stays,
        candidate.content,
        candidate.extracted_at
    from (
        select * from {{ documents }} as document
        where document.loaded_at > {{ since }}
        {% if is_revisited %}
            union all
            select document.*
            from {{ documents }} as document
            inner join (select * from {{ ref('deleted_documents') }}) as gone
                on {{ is_gone('document') }}
            where gone.updated_at > {{ since }} at time zone 'UTC'
        {% endif %}
    ) as candidate
    where {{ all_of(rules) }} is false
    {% if is_revisited %}
        or exists (
            select from {{ this }} as known
            where known.table_name = '{{ table.name }}'
                and known.user_id = candidate.user_id
                and known.document = {{ name_of_document() }}
        )
    {% endif %}
{% endmacro %}


{# The same of samples, each of which is an element of its day. A day that its table
   has whole, since it was loaded, needs no second look. #}
{% macro checked_samples(table, since, is_revisited) %}
    {% set rules = sample_rules(table) %}
    {% set place = 'cast(candidate.number - 1 as integer)' %}
    {% set days = '(select * from ' ~ ref(table.refs[0].name) ~ ')' %}
    select
        candidate.user_id,
        candidate.stream,
        '{{ table.name }}' as table_name,
        concat_ws(
            ' ',
            columns.content ->> 'timestamp',
            nullif(columns.content ->> 'source', '')
        ) as document,
        {{ broken_rules(rules) }} as reasons,
        false as earlier_version_stays,
        columns.content || unknown_columns.content as content,
        candidate.extracted_at
    from (
        select
            sample.*,
            day.user_id,
            day.stream,
            day.columns,
            day.unknown_columns,
            day.extracted_at
        from {{ days }} as day
        left join (select * from {{ ref('deleted_documents') }}) as gone
            on {{ is_gone('day') }}
        left join (select * from {{ ref(table.name) }}) as kept
            on {{ equal_columns(['user_id', 'day'], 'kept', 'day') }}
        cross join lateral (
            select * from ({{ samples_of(table, 'day') }}) as item
            where (
                kept.sample_count = jsonb_array_length(day.columns -> 'timestamp')
                and kept.updated_at at time zone 'UTC' >= day.loaded_at
            ) is not true
        ) as sample
        where day.loaded_at > {{ since }}
            and gone.user_id is null
    ) as candidate
    {# A union of both in one has Citus refuse the statement. #}
    {% for columns in ('columns', 'unknown_columns') %}
        cross join lateral (
            select coalesce(
                jsonb_object_agg(field.key, field.value -> {{ place }})
                filter (where field.value -> {{ place }} != 'null'),
                '{}'
            ) as content
            from jsonb_each(candidate.{{ columns }}) as field (key, value)
        ) as {{ columns }}
    {% endfor %}
    where {{ all_of(rules) }} is false
    {% if is_revisited %}
        union all
        {{ known_before(
            table, days, 'day', since,
            "day.day = cast(cast(known.content ->> 'timestamp' as timestamptz)"
            ~ " at time zone 'UTC' as date)"
        ) }}
    {% endif %}
{% endmacro %}


{# The documents that gave their day, or instant, to one that Oura sent after them
   in the same answer. #}
{% macro displaced_documents(table, since, is_revisited) %}
    {% set documents = '(select * from ' ~ ref(table.refs[0].name) ~ ')' %}
    select
        candidate.user_id,
        candidate.stream,
        '{{ table.name }}' as table_name,
        other.name as document,
        array[
            'the same {{ primary_key(table)[1] }} has another document, '
            || 'which Oura sent after it: ' || {{ name_of_document() }}
        ] as reasons,
        false as earlier_version_stays,
        other.content,
        candidate.extracted_at
    from {{ documents }} as candidate
    cross join lateral jsonb_each(candidate.displaced) as other (name, content)
    where candidate.loaded_at > {{ since }}
        -- Few have any, and only of these are the other columns worked out.
        and candidate.displaced is not null
        and not {{ is_deleted('candidate') }}
    {% if is_revisited %}
        union all
        {{ known_before(
            table, documents, 'candidate', since,
            "known.content ->> 'day' = candidate.content ->> 'day'"
        ) }}
    {% endif %}
{% endmacro %}


{# Tables of which a day, or an instant, has one document. #}
{% macro tables_with_a_place_each() %}
    {% set tables = [] %}
    {% for table in tables_that_hold('documents') %}
        {% if primary_key(table)[1] in ('day', 'timestamp') %}
            {% do tables.append(table) %}
        {% endif %}
    {% endfor %}
    {% do return(tables) %}
{% endmacro %}


{# What is known of a day that was read again: it leaves unless it is found again. #}
{% macro known_before(table, documents, name, since, is_of_its_day) %}
    select
        known.user_id,
        known.stream,
        known.table_name,
        known.document,
        cast('{}' as text[]) as reasons,
        false as earlier_version_stays,
        known.content,
        cast('-infinity' as timestamp) as extracted_at
    from {{ this }} as known
    inner join {{ documents }} as {{ name }}
        on known.user_id = {{ name }}.user_id
            and {{ is_of_its_day }}
    left join (select * from {{ ref('deleted_documents') }}) as gone
        on {{ is_gone(name) }}
    where known.table_name = '{{ table.name }}'
        and (
            {{ name }}.loaded_at > {{ since }}
            or gone.user_id is not null
        )
{% endmacro %}


{% macro broken_rules(rules) -%}
    array_remove(cast(array[
        {% for name, condition in rules %}
            case when ({{ condition }}) is false then '{{ name }} is ' || case
                when {{ name }} is null then 'missing'
                when cast({{ name }} as text) = 'NaN' then 'no number'
                when cast({{ name }} as text) = '-infinity' then 'no time'
                else cast({{ name }} as text)
                    || ', not {{ condition | replace("'", "''") }}'
            end end{{ ',' if not loop.last }}
        {% endfor %}
    ] as text[]), null)
{%- endmacro %}


{# A document may have left the day that its row is of. #}
{% macro key_of_document(table) %}
    {% do return(
        ['user_id', 'document_id'] if 'document_id' in table.columns
        else primary_key(table)
    ) %}
{% endmacro %}


{% macro name_of_document() -%}
    coalesce(
        candidate.content ->> 'id',
        candidate.content ->> 'timestamp',
        candidate.content ->> 'day'
    )
{%- endmacro %}


{# The last word of a run. #}
{% macro report_set_aside_documents() %}
    {% set table = adapter.get_relation(
        target.database, target.schema, 'set_aside_documents'
    ) %}
    {% if execute and table %}
        {% set count = run_query('select count(*) as n from ' ~ table)
            .rows[0]['n'] %}
        {% if count %}
            {% do log(
                count ~ ' documents are set aside, each with its reason: see '
                ~ 'healthhub.set_aside_documents.', info=true
            ) %}
        {% endif %}
    {% endif %}
{% endmacro %}
