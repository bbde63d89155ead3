"""Who may read a table is said in the transaction that makes it."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

# Supabase's API lets everybody in as `anon` or `authenticated`. Who is logged in sees
# the own rows; nobody sees anything else. Elsewhere those roles do not exist, and
# there is nothing to do. A table's owner, as whom healthHub writes, sees everything.
#
# The lock: two that change the same privileges at once would fail. Whoever guards a
# new relation shares it, for nobody else sees that relation yet.
_GUARD = """
create or replace function healthhub.guard(relation regclass)
returns void
language plpgsql
set search_path = ''
as $$
declare
    closed_to text;
    guarded record;
    by_time regprocedure;
    source regclass;
begin
    select string_agg(quote_ident(rolname), ', ')
    into closed_to
    from pg_catalog.pg_roles
    where rolname in ('anon', 'authenticated', 'service_role');

    if closed_to is null then
        return;
    end if;

    perform pg_advisory_xact_lock_shared(4207119384);

    select
        pg_class.relname as name,
        pg_class.relnamespace = 'healthhub'::regnamespace as is_public,
        pg_class.relkind = 'v' as is_view,
        pg_class.relrowsecurity as has_policies,
        coalesce('security_invoker=true' = any(pg_class.reloptions), false)
            as is_for_invoker,
        exists (
            select from pg_catalog.pg_attribute
            where pg_attribute.attrelid = pg_class.oid
                and pg_attribute.attname = 'user_id'
                and not pg_attribute.attisdropped
        ) as has_owner
    into guarded
    from pg_catalog.pg_class
    where pg_class.oid = relation;

    execute format('revoke all on %s from public, %s', relation, closed_to);

    -- With its owner's rights, a view would show everybody's rows. Each only where it
    -- is missing: to alter something waits for its readers.
    if guarded.is_view and not guarded.is_for_invoker then
        execute format('alter view %s set (security_invoker = true)', relation);
    end if;

    if not guarded.is_public then
        return;
    end if;

    -- A view of samples is asked by time through a function of its name.
    by_time := to_regprocedure(format(
        'healthhub.%I(timestamptz, timestamptz)', guarded.name || '_between'
    ));

    if to_regrole('service_role') is not null then
        execute format('grant select on %s to service_role', relation);
        if by_time is not null then
            execute format('grant execute on function %s to service_role', by_time);
        end if;
    end if;

    if to_regrole('authenticated') is null
        or to_regprocedure('auth.uid()') is null
    then
        return;
    end if;

    if not guarded.is_view and not guarded.has_policies then
        execute format('alter table %s enable row level security', relation);
    end if;

    if not guarded.has_owner then
        return;
    end if;

    if not guarded.is_view and not exists (
        select from pg_catalog.pg_policy
        where polrelid = relation and polname = 'own_rows'
    ) then
        execute format(
            'create policy own_rows on %s for select'
            ' to authenticated using (user_id = (select auth.uid()))',
            relation
        );
    end if;

    execute format('grant select on %s to authenticated', relation);
    if by_time is not null then
        execute format('grant execute on function %s to authenticated', by_time);
    end if;

    -- A view reads as whoever asks, so that person has to get through the views below
    -- it, down to the tables, which show only the own rows.
    if guarded.is_view then
        for source in
            with recursive sources as (
                select relation::oid as oid
                union
                select pg_depend.refobjid
                from sources
                inner join pg_catalog.pg_rewrite
                    on pg_rewrite.ev_class = sources.oid
                inner join pg_catalog.pg_depend
                    on pg_depend.objid = pg_rewrite.oid
                    and pg_depend.classid = 'pg_rewrite'::regclass
                    and pg_depend.refclassid = 'pg_class'::regclass
            )
            select sources.oid
            from sources
            inner join pg_catalog.pg_class on pg_class.oid = sources.oid
            inner join pg_catalog.pg_namespace
                on pg_namespace.oid = pg_class.relnamespace
            where pg_class.relkind = 'v'
                and pg_namespace.nspname = 'healthhub_staging'
        loop
            execute format('grant select on %s to authenticated', source);
        end loop;
    end if;
end
$$
"""
_APPLY_ACCESS = """
create or replace function healthhub.apply_access()
returns void
language plpgsql
set search_path = ''
as $$
declare
    closed_to text;
    schema_name text;
    relation regclass;
begin
    select string_agg(quote_ident(rolname), ', ')
    into closed_to
    from pg_catalog.pg_roles
    where rolname in ('anon', 'authenticated', 'service_role');

    if closed_to is null then
        return;
    end if;

    perform pg_advisory_xact_lock(4207119384);

    for schema_name in
        select nspname
        from pg_catalog.pg_namespace
        where nspname in ('healthhub', 'raw_oura', 'meltano')
            or nspname like 'healthhub\\_%'
    loop
        execute format(
            'revoke all on schema %1$I from public, %2$s;'
            ' revoke all on all sequences in schema %1$I from public, %2$s;'
            ' revoke all on all routines in schema %1$I from public, %2$s;'
            ' alter default privileges in schema %1$I'
            ' revoke all on tables from public, %2$s;'
            ' alter default privileges in schema %1$I'
            ' revoke all on sequences from public, %2$s;'
            ' alter default privileges in schema %1$I'
            ' revoke all on routines from public, %2$s',
            schema_name, closed_to
        );
    end loop;

    -- Tables before the views that read them, and views below before those above.
    for relation in
        select pg_class.oid
        from pg_catalog.pg_class
        inner join pg_catalog.pg_namespace
            on pg_namespace.oid = pg_class.relnamespace
        where pg_class.relkind in ('r', 'p', 'v')
            and (
                pg_namespace.nspname in ('healthhub', 'raw_oura', 'meltano')
                or pg_namespace.nspname like 'healthhub\\_%'
            )
        order by pg_namespace.nspname = 'healthhub', pg_class.relkind = 'v'
    loop
        perform healthhub.guard(relation);
    end loop;

    if to_regrole('service_role') is not null then
        grant usage on schema healthhub to service_role;
    end if;

    if to_regrole('authenticated') is not null
        and to_regprocedure('auth.uid()') is not null
    then
        grant usage on schema healthhub, healthhub_staging to authenticated;
    end if;
end
$$
"""


def upgrade() -> None:
    """Create them."""
    op.execute("create schema if not exists healthhub_staging")
    for function in (_GUARD, _APPLY_ACCESS):
        op.execute(sa.text(function.replace(":", r"\:")))
    op.execute("select healthhub.apply_access()")


def downgrade() -> None:
    """Drop what only this revision knows; `apply_access` of the one before is gone."""
    op.execute("drop function healthhub.apply_access()")
    op.execute("drop function healthhub.guard(regclass)")
