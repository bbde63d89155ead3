"""Schemas, users and the ledger of runs."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql as pg

revision = "0001"
down_revision = None

_NOW = sa.func.now()


def upgrade() -> None:
    """Create them."""
    op.execute("create schema if not exists raw_oura")
    op.execute("create schema if not exists meltano")
    op.execute("comment on schema healthhub is 'What people and programs read.'")
    op.execute("comment on schema raw_oura is 'What Oura sent, as it sent it.'")
    op.execute("comment on schema meltano is 'State of the pipeline.'")
    _create_users()
    _create_job_runs()


def _create_users() -> None:
    op.create_table(
        "users",
        sa.Column(
            "user_id",
            pg.UUID(),
            server_default=sa.func.gen_random_uuid(),
            primary_key=True,
            comment="Identifies the person in every table.",
        ),
        sa.Column(
            "oura_pat_alias",
            sa.Text(),
            nullable=False,
            unique=True,
            comment="Name of the person's Oura credentials; never a token.",
        ),
        sa.Column(
            "timezone",
            sa.Text(),
            nullable=False,
            server_default="UTC",
            comment="IANA name of the person's home time zone.",
        ),
        sa.Column(
            "is_active",
            sa.Boolean(),
            nullable=False,
            server_default=sa.true(),
            comment="Whether runs read this person's data.",
        ),
        sa.Column(
            "created_at",
            pg.TIMESTAMP(timezone=True),
            nullable=False,
            server_default=_NOW,
            comment="When the person was added.",
        ),
        schema="healthhub",
        comment="The people whose data are loaded.",
    )


def _create_job_runs() -> None:
    op.create_table(
        "job_runs",
        sa.Column(
            "run_id",
            sa.BigInteger(),
            sa.Identity(always=True),
            primary_key=True,
            comment="Number of the run.",
        ),
        sa.Column(
            "started_at",
            pg.TIMESTAMP(timezone=True),
            nullable=False,
            server_default=_NOW,
            comment="When the run began.",
        ),
        sa.Column(
            "finished_at",
            pg.TIMESTAMP(timezone=True),
            comment="When it ended; empty while it runs and after it was killed.",
        ),
        sa.Column(
            "status",
            sa.Text(),
            nullable=False,
            server_default="running",
            comment="running, success, partial (some people's data only), failed, "
            "interrupted (somebody stopped it) or abandoned (it was killed).",
        ),
        sa.Column(
            "start_date",
            sa.Date(),
            comment="First day asked for; empty: where the last run ended.",
        ),
        sa.Column(
            "end_date",
            sa.Date(),
            comment="Last day asked for; empty: today.",
        ),
        sa.Column(
            "full_refresh",
            sa.Boolean(),
            nullable=False,
            server_default=sa.false(),
            comment="Whether everything was read again.",
        ),
        sa.Column(
            "record_counts",
            pg.JSONB(),
            nullable=False,
            server_default=sa.text("'{}'::jsonb"),
            comment="Rows in all, new and changed, per table.",
        ),
        sa.Column(
            "error_summary",
            sa.Text(),
            comment="One sentence that says why it did not succeed.",
        ),
        sa.Column(
            "github_run_id",
            sa.Text(),
            comment="The run of GitHub Actions that it was part of.",
        ),
        sa.Column(
            "versions",
            pg.JSONB(),
            nullable=False,
            server_default=sa.text("'{}'::jsonb"),
            comment="Versions of the programs that ran.",
        ),
        sa.CheckConstraint(
            "status in ('running', 'success', 'partial', 'failed', 'interrupted', "
            "'abandoned')",
            name="job_runs_status_check",
        ),
        schema="healthhub",
        comment="The ledger of runs: one row as soon as a run starts.",
    )


def downgrade() -> None:
    """Drop the tables; the schemas hold other people's work and stay."""
    op.drop_table("job_runs", schema="healthhub")
    op.drop_table("users", schema="healthhub")
