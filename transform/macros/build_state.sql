{#
    What is kept of each model from run to run, in healthhub_staging.models: checksums
    of what it was made of and of its contract, and when its last successful run
    began. So a run reads only what changed since; a model whose definition changed
    reads everything again; a view whose definition did not is left alone.
#}

{% macro staging_schema() %}{{ target.schema }}_staging{% endmacro %}


{% macro build_state() %}{{ staging_schema() }}.models{% endmacro %}


{% macro create_build_state() %}
    create table if not exists {{ build_state() }} (
        model text primary key,
        checksum text not null,
        read_at timestamp not null
    );
    {# before 0.1.0: it had no contract. #}
    alter table {{ build_state() }} add column if not exists contract text;
    {# Of scripts/build_if_new.py: how everything was after the last build. #}
    create table if not exists {{ staging_schema() }}.last_build (
        project text not null,
        made text not null,
        moment text not null,
        users text not null,
        loaded text not null,
        since timestamp not null,
        is_last boolean primary key default true check (is_last)
    );
    {# before 0.1.0: what a model had read was asked for each row. #}
    drop function if exists {{ staging_schema() }}.last_reading(text);
{% endmacro %}


{# Before a run, changed models that are selected start over: a table's read time is
   reset, and it is opened for its new contract; a view is dropped from dbt's cache, so
   that it is made again. #}
{% macro forget_what_changed() %}
    {% if not execute %}{% do return('') %}{% endif %}
    {% set checksums = {} %}
    {% for node in own_models() %}{% do checksum(node, checksums) %}{% endfor %}
    {% set known = {} %}
    {% for row in run_query(
        'select model, checksum, contract, to_regclass('
        ~ "'" ~ target.schema ~ ".' || model) is not null as is_there from "
        ~ build_state()
    ).rows %}
        {% do known.update({row['model']: row}) %}
    {% endfor %}

    {% set forgotten = [] %}
    {% for node in own_models() if is_selected(node) %}
        {% set row = known.get(node.name) %}
        {% set is_same = row and row['checksum'] == checksums[node.unique_id] %}
        {% if is_same and not is_refreshed(node) %}
            {% if is_table(node) and not row['is_there'] %}
                {% do forgotten.append(node.name) %}
            {% endif %}
        {% elif is_table(node) %}
            {% do forgotten.append(node.name) %}
            {% if row and row['is_there']
                and row['contract'] != contract_checksum(node) %}
                {{ open_contract(node) }}
            {% endif %}
        {% else %}
            {% set view = load_cached_relation(relation_of(node)) %}
            {% if view and view.is_view %}
                {% do adapter.cache_dropped(view) %}
            {% endif %}
        {% endif %}
    {% endfor %}
    {% if forgotten %}
        update {{ build_state() }} set read_at = '-infinity'
        where model in ('{{ forgotten | join("', '") }}');
    {% endif %}
{% endmacro %}


{# After the first build of a table, in its transaction; later ones are remembered
   by `upsert`. It is analyzed, for the planner of the next model needs to know what
   is in it. #}
{% macro record_first_build() %}
    {% if not execute or is_partial() or not is_table(model) or is_incremental() %}
        {% do return('') %}
    {% endif %}
    {% set node = graph.nodes[model.unique_id] %}
    analyze {{ this }};
    {{ write_comments(this.incorporate(type='table')) }}
    {{ record_build(node, contract_checksum(node)) }}
{% endmacro %}


{# After a run, tables that were opened get the constraints of their new contract. #}
{% macro close_contracts() %}
    {% if not execute %}{% do return('') %}{% endif %}
    {% set known = run_query(
        "select model, coalesce(contract, '') as contract from " ~ build_state()
        ~ " where read_at > '-infinity'"
    ) %}
    {% set contracts = {} %}
    {% for row in known.rows %}
        {% do contracts.update({row['model']: row['contract']}) %}
    {% endfor %}
    {% for node in own_models() if is_table(node) and is_selected(node) %}
        {% if contracts.get(node.name) not in (none, contract_checksum(node)) %}
            {{ close_contract(node) }}
        {% endif %}
    {% endfor %}
{% endmacro %}


{# A model has read no more than the tables that it is made of. Its checksum is made
   with those of what was read as it was built: in a run of everything that is this
   run; what was built alone (`--select`) has another one, and is built again after
   what it reads from. What was written is counted with the commit, and not seconds
   later: scripts/build_if_new.py asks next. #}
{% macro record_build(node, contract=none) %}
    select pg_stat_force_next_flush();
    insert into {{ build_state() }} (model, checksum, read_at, contract)
    select
        '{{ node.name }}',
        (
            select
                md5(concat(
                    '{{ definition_checksum(node) }}',
                    string_agg(models.checksum, '' order by parent.place)
                ))
            from unnest({{ names_of(parents_of(node)) }}) with ordinality
                as parent (model, place)
            left join {{ build_state() }} as models using (model)
        ),
        (
            select
                least(
                    {{ run_start() }}, min(coalesce(models.read_at, '-infinity'))
                )
            from unnest({{ names_of(tables_of(node)) }}) as read (model)
            left join {{ build_state() }} as models using (model)
        ),
        {{ "'" ~ contract ~ "'" if contract else 'null' }}
    on conflict (model) do update set
        checksum = excluded.checksum,
        read_at = excluded.read_at,
        contract = coalesce(excluded.contract, models.contract);
{% endmacro %}


{% macro forget_build(node) %}
    delete from {{ build_state() }} where model = '{{ node.name }}';
{% endmacro %}


{# In UTC without zone, as target-postgres writes times. #}
{% macro run_start() -%}
    timestamp '{{ run_started_at.replace(tzinfo=none).isoformat() }}'
{%- endmacro %}


{# Since when this model has something to read. Each call asks the database, so a
   model sets it once. #}
{% macro last_reading() %}
    {% do return(read_at(model.name) if is_incremental() else never()) %}
{% endmacro %}


{# A constant, by which the planner sees how few rows were loaded since. A batch is
   stamped when it is received and visible when it is committed, and the machines that
   load and transform may differ: the hour allows for both. #}
{% macro read_at(name) %}
    {% if not execute %}{% do return(never()) %}{% endif %}
    {% set known = run_query(
        "select cast(read_at - interval '1 hour' as text) as moment from "
        ~ build_state() ~ " where model = '" ~ name ~ "'"
    ).rows %}
    {% do return("timestamp '" ~ known[0]['moment'] ~ "'" if known else never()) %}
{% endmacro %}


{% macro never() %}{% do return("timestamp '-infinity'") %}{% endmacro %}


{# With --empty or --sample nothing is concluded from what was not read. #}
{% macro is_partial() %}
    {% do return(
        invocation_args_dict.get('empty') or invocation_args_dict.get('sample')
    ) %}
{% endmacro %}


{% macro is_refreshed(node) %}
    {% do return(flags.FULL_REFRESH and is_selected(node)) %}
{% endmacro %}


{# `dbt retry` does not say what it has selected. #}
{% macro is_selected(node) %}
    {% do return(
        not selected_resources or node.unique_id in selected_resources
    ) %}
{% endmacro %}


{% macro own_models() %}
    {% do return(
        graph.nodes.values()
        | selectattr('resource_type', 'equalto', 'model')
        | selectattr('package_name', 'equalto', project_name)
        | list
    ) %}
{% endmacro %}


{% macro is_table(node) %}
    {% do return(node.config.materialized == 'incremental') %}
{% endmacro %}


{% macro relation_of(node) %}
    {% do return(api.Relation.create(
        database=node.database, schema=node.schema, identifier=node.alias
    )) %}
{% endmacro %}


{# Of all that a model is made of, and of what it reads from: as `record_build` has it
   of a run of everything. #}
{% macro checksum(node, known) %}
    {% if node.unique_id not in known %}
        {% set parts = [definition_checksum(node)] %}
        {% for parent in parents_of(node) %}
            {% do parts.append(checksum(parent, known)) %}
        {% endfor %}
        {% do known.update({node.unique_id: local_md5(parts | join)}) %}
    {% endif %}
    {% do return(known[node.unique_id]) %}
{% endmacro %}


{# Its query with the macros of this project, its contract, and a view's hooks. #}
{% macro definition_checksum(node) %}
    {% set parts = [node.raw_code, contract_checksum(node)] %}
    {% if not is_table(node) %}
        {# A table's hooks are run by each run, a view's when it is made. What a view
           is on Citus may be another query. #}
        {% do parts.append([node.config['pre-hook'], node.config['post-hook']]) %}
        {% if is_on_citus() %}{% do parts.append('citus') %}{% endif %}
    {% endif %}
    {% for name in macros_of(node) %}
        {% do parts.append(context[name].macro.macro_sql) %}
    {% endfor %}
    {% do return(local_md5(parts | join)) %}
{% endmacro %}


{% macro parents_of(node) %}
    {% set parents = [] %}
    {% for id in node.depends_on.nodes | sort if id in graph.nodes %}
        {% do parents.append(graph.nodes[id]) %}
    {% endfor %}
    {% do return(parents) %}
{% endmacro %}


{# The tables that a model reads from, itself or through views. #}
{% macro tables_of(node) %}
    {% set tables = [] %}
    {% for parent in parents_of(node) %}
        {% do tables.extend([parent] if is_table(parent) else tables_of(parent)) %}
    {% endfor %}
    {% do return(tables | unique(attribute='name') | list) %}
{% endmacro %}


{% macro names_of(nodes) %}
    {% do return("cast('{" ~ nodes | join(',', attribute='name') ~ "}' as text[])") %}
{% endmacro %}


{# With those that they use in their turn. #}
{% macro macros_of(node) %}
    {% set own = 'macro.' ~ project_name ~ '.' %}
    {% set found = [] %}
    {% set open = [] %}
    {% for id in node.depends_on.macros if id.startswith(own) %}
        {% do open.append(id) %}
    {% endfor %}
    {% for _ in range(1000) if open %}
        {% set id = open.pop() %}
        {% set name = id | replace(own, '') %}
        {% if name not in found and name in context %}
            {% do found.append(name) %}
            {% for used in context[name].macro.depends_on.macros
                if used.startswith(own) %}
                {% do open.append(used) %}
            {% endfor %}
        {% endif %}
    {% endfor %}
    {% do return(found | sort) %}
{% endmacro %}


{% macro contract_checksum(node) %}
    {% set parts = [node.description, node.config.indexes, node.constraints] %}
    {% for column in node.columns.values() %}
        {% do parts.append([
            column.name,
            column.data_type,
            column.description,
            column.constraints,
        ]) %}
    {% endfor %}
    {% do return(local_md5(parts | string)) %}
{% endmacro %}
