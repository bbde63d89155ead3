"""Logins, what people were told of runs, and who may read what."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql as pg

revision = "0002"
down_revision = "0001"

# Supabase's API lets everybody in as `anon` or `authenticated`. Who is logged in sees
# the own rows; nobody sees anything else. Elsewhere those roles do not exist, and
# there is nothing to do. A table's owner, as whom healthHub writes, sees everything.
_APPLY_ACCESS = """
create or replace function healthhub.apply_access()
returns void
language plpgsql
set search_path = ''
as $$
declare
    closed_to text;
    relation record;
    schema_name text;
begin
    select string_agg(quote_ident(rolname), ', ')
    into closed_to
    from pg_catalog.pg_roles
    where rolname in ('anon', 'authenticated');

    if closed_to is null then
        return;
    end if;

    for schema_name in
        select nspname
        from pg_catalog.pg_namespace
        where nspname in ('healthhub', 'raw_oura', 'meltano')
            or nspname like 'healthhub\\_%'
    loop
        execute format(
            'revoke all on schema %1$I from public, %2$s;'
            ' revoke all on all tables in schema %1$I from public, %2$s;'
            ' revoke all on all sequences in schema %1$I from public, %2$s;'
            ' revoke all on all routines in schema %1$I from public, %2$s',
            schema_name, closed_to
        );
    end loop;

    if to_regrole('service_role') is not null then
        grant usage on schema healthhub to service_role;
        grant select on all tables in schema healthhub to service_role;
    end if;

    if to_regrole('authenticated') is null
        or to_regprocedure('auth.uid()') is null
    then
        return;
    end if;

    grant usage on schema healthhub to authenticated;

    for relation in
        select
            pg_class.oid,
            pg_class.relname as name,
            pg_class.relkind in ('r', 'p') as is_table,
            pg_class.relrowsecurity as is_guarded,
            exists (
                select from pg_catalog.pg_attribute
                where pg_attribute.attrelid = pg_class.oid
                    and pg_attribute.attname = 'user_id'
                    and not pg_attribute.attisdropped
            ) as has_owner
        from pg_catalog.pg_class
        where pg_class.relnamespace = 'healthhub'::regnamespace
            and pg_class.relkind in ('r', 'p', 'v')
    loop
        -- Each only where it is missing: to alter a table waits for its readers.
        if relation.is_table and not relation.is_guarded then
            execute format(
                'alter table healthhub.%I enable row level security', relation.name
            );
        end if;

        continue when not relation.has_owner;

        if not relation.is_table then
            -- With its owner's rights, a view would show everybody's rows.
            execute format(
                'alter view healthhub.%I set (security_invoker = true)',
                relation.name
            );
        elsif not exists (
            select from pg_catalog.pg_policy
            where polrelid = relation.oid and polname = 'own_rows'
        ) then
            execute format(
                'create policy own_rows on healthhub.%I for select'
                ' to authenticated using (user_id = (select auth.uid()))',
                relation.name
            );
        end if;

        execute format(
            'grant select on healthhub.%I to authenticated', relation.name
        );
    end loop;
end
$$
"""


def upgrade() -> None:
    """Create them."""
    op.execute("create schema if not exists healthhub_tokens")
    op.execute("comment on schema healthhub_tokens is 'Logins at Oura, encrypted.'")
    op.add_column(
        "job_runs",
        sa.Column(
            "alerts",
            pg.ARRAY(sa.Text()),
            nullable=False,
            server_default="{}",
            comment="What people were told of besides failures, to tell it once.",
        ),
        schema="healthhub",
    )
    op.alter_column(
        "job_runs",
        "record_counts",
        comment="Documents fetched, new, changed and deleted, per stream.",
        schema="healthhub",
    )
    op.execute(sa.text(_APPLY_ACCESS.replace(":", r"\:")))
    op.execute("select healthhub.apply_access()")


def downgrade() -> None:
    """Drop what only this revision knows; logins stay."""
    op.execute("drop function healthhub.apply_access()")
    op.drop_column("job_runs", "alerts", schema="healthhub")
