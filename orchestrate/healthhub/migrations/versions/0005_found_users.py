"""People that a run found, as OURA_PAT or TAP_OURA_USERS names accounts, too."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_LIST_WHO_WAS_READ = """
do $$
begin
    if to_regclass('raw_oura.sync_windows') is not null then
        insert into healthhub.users (user_id, oura_pat_alias, is_added)
        select distinct user_id::uuid, user_id::text, false
        from raw_oura.sync_windows
        on conflict do nothing;
    end if;
end
$$
"""


def upgrade() -> None:
    """Tell them from those that somebody added, and list who was read before."""
    op.add_column(
        "users",
        sa.Column(
            "is_added",
            sa.Boolean(),
            nullable=False,
            server_default=sa.true(),
            comment="Whether somebody added the person; if not, a run found the "
            "account that settings such as OURA_PAT name, or it was removed.",
        ),
        schema="healthhub",
    )
    op.execute(sa.text(_LIST_WHO_WAS_READ.replace(":", r"\:")))


def downgrade() -> None:
    """Forget who was only found."""
    op.execute("delete from healthhub.users where not is_added")
    op.drop_column("users", "is_added", schema="healthhub")
