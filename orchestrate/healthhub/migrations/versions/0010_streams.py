"""One word for what the days of the overview come from, and for the user."""

from alembic import op

revision = "0010"
down_revision = "0009"

_RENAME = """
do $$
begin
    if exists (
        select from pg_attribute
        where attrelid = to_regclass('healthhub.daily_overview')
            and attname = 'route_count'
    ) and not exists (
        select from pg_attribute
        where attrelid = to_regclass('healthhub.daily_overview')
            and attname = 'stream_count'
    )
    then
        alter table healthhub.daily_overview rename column route_count to stream_count;
    end if;
end
$$
"""


def upgrade() -> None:
    """Rename what dbt has made, and say it of the users."""
    op.execute(_RENAME)
    op.alter_column(
        "users",
        "is_added",
        schema="healthhub",
        comment="Whether the user was added; if not, a run found it through settings "
        "such as OURA_PAT, or it was removed.",
    )


def downgrade() -> None:
    """The names stay: the version before makes what it misses."""
