"""Who may read `healthhub`, and nothing else: roles that `healthhub readers` makes."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

# A view reads as whoever asks, so that a reader has to get through the views below it.
# What those read in turn are tables of `healthhub`; the raw ones nobody is let into.
# What is there already is left alone: to alter something waits for its readers.
_OPEN_TO_READERS = """
create or replace function healthhub.open_to_readers()
returns void
language plpgsql
set search_path = ''
as $$
declare
    found record;
begin
    if to_regrole('healthhub_reader') is null then
        return;
    end if;

    perform pg_advisory_xact_lock(4207119384);
    grant usage on schema healthhub, healthhub_staging to healthhub_reader;

    for found in
        with recursive sources as (
            select oid
            from pg_catalog.pg_class
            where relnamespace = 'healthhub'::regnamespace
                and relkind in ('r', 'p', 'v')
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
        select
            pg_class.oid::regclass as relation,
            has_table_privilege('healthhub_reader', pg_class.oid, 'select')
                as is_open,
            pg_class.relrowsecurity and not exists (
                select from pg_catalog.pg_policy
                where polrelid = pg_class.oid and polname = 'readers'
            ) as hides_rows,
            pg_class.relnamespace = 'healthhub'::regnamespace as is_public,
            pg_class.relkind = 'v' as is_view
        from sources
        inner join pg_catalog.pg_class on pg_class.oid = sources.oid
        inner join pg_catalog.pg_namespace on pg_namespace.oid = relnamespace
        where nspname in ('healthhub', 'healthhub_staging')
    loop
        continue when not (found.is_public or found.is_view);
        if not found.is_open then
            execute format('grant select on %s to healthhub_reader', found.relation);
        end if;
        if found.hides_rows then
            execute format(
                'create policy readers on %s for select'
                ' to healthhub_reader using (true)',
                found.relation
            );
        end if;
    end loop;

    -- A view of samples is asked by time through a function of its name.
    for found in
        select pg_proc.oid::regprocedure as by_time
        from pg_catalog.pg_proc
        where pronamespace = 'healthhub'::regnamespace
            and proname like '%\\_between'
            and not has_function_privilege('healthhub_reader', oid, 'execute')
    loop
        execute format(
            'grant execute on function %s to healthhub_reader', found.by_time
        );
    end loop;
end
$$
"""
_APPLY_ACCESS = """
create function healthhub.apply_access()
returns void
language sql
set search_path = ''
as $$
    select healthhub.close_to_the_api();
    select healthhub.open_to_readers();
$$
"""


def upgrade() -> None:
    """What a run has made anew is opened to readers when it ends."""
    op.execute(sa.text(_OPEN_TO_READERS.replace(":", r"\:")))
    op.execute("alter function healthhub.apply_access() rename to close_to_the_api")
    op.execute(_APPLY_ACCESS)
    op.execute("select healthhub.apply_access()")


def downgrade() -> None:
    """Leave readers with what they have."""
    op.execute("drop function healthhub.apply_access()")
    op.execute("alter function healthhub.close_to_the_api() rename to apply_access")
    op.execute("drop function healthhub.open_to_readers()")
