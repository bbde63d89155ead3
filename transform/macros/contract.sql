{#
    A table keeps its rows when its contract changes: before the run it is opened
    (types are changed, constraints dropped), the run reads everything into it
    again, and after the run it is closed with the constraints of the new
    contract. A change that cannot be made ends the run with one sentence.
#}

{% macro open_contract(node) %}
    {% set table = relation_of(node) %}
    {% set key = primary_key(node) | join(', ') %}
    {% set found = run_query(state_of_table(node)).rows[0] %}
    {% if found['key'] != key %}
        {% do exceptions.raise_compiler_error(cannot_alter(node, 'its key was ('
            ~ found['key'] ~ ') and is now (' ~ key ~ ')')) %}
    {% endif %}
    {% set changed = fromjson(found['other_types']) %}
    {% if changed %}
        {{ drop_views_on(node) }}
    {% endif %}
    do $do$
    begin
    {% for name in fromjson(found['checks']) %}
        alter table {{ table }} drop constraint {{ adapter.quote(name) }};
    {% endfor %}
    {% for name in fromjson(found['demanded']) %}
        alter table {{ table }} alter column {{ name }} drop not null;
    {% endfor %}
    end
    $do$;
    {% for name in changed %}
        {% set type = node.columns[name].data_type %}
        do $do$
        begin
            {% set bounds = bounds_of(type) %}
            {% if bounds %}
                delete from {{ table }} where not ({{ name }} {{ bounds }});
            {% endif %}
            alter table {{ table }} alter column {{ name }} type {{ type }}
            using cast({{ name }} as {{ type }});
        exception when others then
            raise exception '{{ cannot_alter(node, name ~ ' cannot become '
                ~ type) }} (%)', sqlerrm;
        end
        $do$;
    {% endfor %}
{% endmacro %}


{% macro close_contract(node) %}
    {% set table = relation_of(node).incorporate(type='table') %}
    do $do$
    begin
    {% for constraint in node.constraints if constraint.type == 'check' %}
        alter table {{ table }} add check ({{ constraint.expression }});
    {% endfor %}
    {% for column in node.columns.values() %}
        {% for constraint in column.constraints or [] %}
            {% if constraint.type == 'check' %}
                alter table {{ table }} add check ({{ constraint.expression }});
            {% elif constraint.type == 'not_null' %}
                alter table {{ table }}
                alter column {{ column.name }} set not null;
            {% endif %}
        {% endfor %}
    {% endfor %}
    exception when others then
        raise exception '{{ cannot_alter(node, 'it holds rows that its '
        ~ 'contract does not allow') }} (%)', sqlerrm;
    end
    $do$;
    {% set indexed = fromjson(run_query(state_of_table(node)).rows[0]['indexed']) %}
    {% for index in node.config.indexes or [] %}
        {% if index.columns | join(', ') not in indexed %}
            do $do$ begin {{ get_create_index_sql(table, index) }}; end $do$;
        {% endif %}
    {% endfor %}
    {{ write_comments(table, node) }}
    update {{ build_state() }} set contract = '{{ contract_checksum(node) }}'
    where model = '{{ node.name }}';
{% endmacro %}


{% macro cannot_alter(node, why) -%}
    {{ node.schema }}.{{ node.name }} cannot be altered to match its model, because
    {{- ' ' ~ why }}: move it away (alter table ... rename) and run again.
{%- endmacro %}


{# What a contract may have changed of a table. The types are compared by
   PostgreSQL, which knows that decimal is numeric. #}
{% macro state_of_table(node) %}
    {% set table = "'" ~ relation_of(node) ~ "'::regclass" %}
    with

    columns as (
        select
            attname as name,
            attnum,
            attnotnull,
            format_type(atttypid, atttypmod) as type
        from pg_attribute
        where attrelid = {{ table }} and attnum > 0 and not attisdropped
    ),

    said (name, type) as (
        values
        {% for column in node.columns.values() %}
            ('{{ column.name }}', '{{ name_of_type(column.data_type) }}')
            {{- ',' if not loop.last }}
        {% endfor %}
    ),

    keys as (
        select unnest(conkey) as attnum, conkey
        from pg_constraint
        where conrelid = {{ table }} and contype = 'p'
    )

    select
        (
            select string_agg(
                name, ', ' order by array_position(conkey, columns.attnum)
            )
            from keys inner join columns using (attnum)
        ) as key,
        (
            select coalesce(json_agg(name), '[]')
            from columns inner join said using (name)
            where columns.type != said.type
        ) as other_types,
        (
            select coalesce(json_agg(conname), '[]') from pg_constraint
            where conrelid = {{ table }} and contype = 'c'
        ) as checks,
        (
            select coalesce(json_agg(name), '[]') from columns
            where attnotnull and attnum not in (select keys.attnum from keys)
        ) as demanded,
        (
            select json_agg((
                select string_agg(
                    name, ', ' order by array_position(indkey, columns.attnum)
                )
                from columns where columns.attnum = any(indkey)
            ))
            from pg_index where indrelid = {{ table }}
        ) as indexed
{% endmacro %}


{# As PostgreSQL spells it. #}
{% macro name_of_type(type) %}
    {% do return({
        'timestamptz': 'timestamp with time zone',
        'timestamp': 'timestamp without time zone',
    }.get(type, type)) %}
{% endmacro %}


{# A column that a view reads keeps its type. Our own views are made again in this
   run; what others have built is not ours to drop. #}
{% macro drop_views_on(node) %}
    {% set views = [] %}
    {% do collect_views_on(node.unique_id, views) %}
    {% set relations = [] %}
    {% for view in views %}{% do relations.append(relation_of(view)) %}{% endfor %}
    {% if relations %}
        do $do$
        begin
            {% for view in relations %}
                drop function if exists
                {{ function_by_time(view) }}(timestamptz, timestamptz);
            {% endfor %}
            drop view if exists {{ relations | join(', ') }};
        exception when others then
            raise exception '{{ cannot_alter(node, 'views of others are built on it') }}
                (%)', sqlerrm;
        end
        $do$;
    {% endif %}
    {% for view in views %}
        {% set relation = load_cached_relation(relation_of(view)) %}
        {% if relation %}{% do adapter.cache_dropped(relation) %}{% endif %}
    {% endfor %}
{% endmacro %}


{% macro collect_views_on(parent, views) %}
    {% for node in own_models() %}
        {% if parent in node.depends_on.nodes and not is_table(node)
            and node not in views %}
            {% do views.append(node) %}
            {% do collect_views_on(node.unique_id, views) %}
        {% endif %}
    {% endfor %}
{% endmacro %}


{# The model's descriptions as comments, when its table or view is made or changed:
   dbt's `persist_docs` would send them in every run. #}
{% macro write_comments(relation, node=model) %}
    comment on {{ relation.type }} {{ relation }}
    is {{ postgres_escape_comment(node.description) }};
    {% for column in node.columns.values() if column.description %}
        comment on column {{ relation }}.{{ column.name }}
        is {{ postgres_escape_comment(column.description) }};
    {% endfor %}
{% endmacro %}


{% macro primary_key(node) %}
    {% for constraint in node.constraints if constraint.type == 'primary_key' %}
        {% do return(constraint.columns) %}
    {% endfor %}
{% endmacro %}
