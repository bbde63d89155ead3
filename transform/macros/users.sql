{# Before a run: whose days they are. The migrations make healthhub.users, now or
   later, or dbt does without it. #}
{% macro create_users_function() %}
    do $do$
    begin
        if to_regprocedure('{{ staging_schema() }}.users()') is null then
            create function {{ staging_schema() }}.users()
            returns table (user_id uuid, timezone text)
            language plpgsql stable
            set search_path from current
            as $$
            begin
                if to_regclass('{{ target.schema }}.users') is not null then
                    return query execute
                        'select user_id, timezone from {{ target.schema }}.users';
                end if;
            end
            $$;
        end if;
    end
    $do$;
{% endmacro %}


{# Before a run: add the users that the tap has read but nobody has added, as they are
   named by a setting alone. #}
{% macro list_users() %}
    do $$
    begin
        if exists (
            select from pg_catalog.pg_attribute
            where attrelid = to_regclass('{{ target.schema }}.users')
                and attname = 'is_added'
                and not attisdropped
        ) then
            insert into {{ target.schema }}.users (
                user_id, oura_pat_alias, is_added
            )
            select distinct user_id, user_id::text, false
            from {{ source('oura', 'sync_windows') }}
            where _sdc_batched_at > {{ read_at('requested_days') }}
            on conflict do nothing;
        end if;
    end
    $$;
{% endmacro %}
