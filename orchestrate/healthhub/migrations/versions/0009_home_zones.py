"""Who may read a view that asks where its users are at home may ask that, too."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

# A view reads as whoever asks, and so does a function in it. This one shows no more of
# `healthhub.users` than the role sees there: all of them, the own row, or nothing.
_OPEN_HOME_ZONES = """
create function healthhub.open_home_zones()
returns void
language plpgsql
set search_path = ''
as $$
declare
    reading name;
begin
    for reading in
        select rolname
        from pg_catalog.pg_roles
        where rolname in ('authenticated', 'service_role', 'healthhub_reader')
            and not has_function_privilege(
                oid, to_regprocedure('healthhub_staging.users()'), 'execute'
            )
    loop
        execute format(
            'grant execute on function healthhub_staging.users() to %I', reading
        );
    end loop;
end
$$
"""
_APPLY_ACCESS = """
create or replace function healthhub.apply_access()
returns void
language sql
set search_path = ''
as $$
    select healthhub.close_to_the_api();
    select healthhub.open_to_readers();
    {};
$$
"""


def upgrade() -> None:
    """Let them, now and when a run ends."""
    op.execute(sa.text(_OPEN_HOME_ZONES.replace(":", r"\:")))
    op.execute(_APPLY_ACCESS.format("select healthhub.open_home_zones()"))
    op.execute("select healthhub.apply_access()")


def downgrade() -> None:
    """Leave them with what they have until a run ends."""
    op.execute(_APPLY_ACCESS.format("select"))
    op.execute("drop function healthhub.open_home_zones()")
