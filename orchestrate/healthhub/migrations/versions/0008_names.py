"""Names that explain themselves, and no marks of deletion in the raw tables.

What others have built on what is renamed goes on reading it by the new name.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_RELATIONS = {
    "healthhub.asked_days": "requested_days",
    "healthhub_staging.int_oura__accounts": "int_oura__users",
}
_FIGURES = (
    "sleep_score",
    "readiness_score",
    "activity_score",
    "total_sleep_duration",
    "average_hrv",
    "lowest_heart_rate",
    "temperature_deviation",
    "steps",
)
_COLUMNS = {
    "healthhub.daily_overview": {
        "routes": "route_count",
        **{f"{figure}_deviation": f"{figure}_z_score" for figure in _FIGURES},
    },
    "healthhub.figures": {"deviation": "z_score"},
    **{
        f"healthhub.{view}": {"kind": "series"}
        for view in (
            "activity_classes",
            "activity_samples",
            "session_samples",
            "sleep_movements",
            "sleep_samples",
            "sleep_stages",
        )
    },
}
_IS_THERE = "select to_regclass(%(old)s) is not null and to_regclass(%(new)s) is null"
_HAS_COLUMN = """
select exists (
    select from pg_attribute
    where attrelid = to_regclass(%(table)s) and attname = %(old)s and not attisdropped
) and not exists (
    select from pg_attribute
    where attrelid = to_regclass(%(table)s) and attname = %(new)s and not attisdropped
)
"""
_RENAME_FUNCTION = """
do $$
begin
    if to_regprocedure('healthhub_staging.people()') is not null
        and to_regprocedure('healthhub_staging.users()') is null
    then
        alter function healthhub_staging.people() rename to users;
    end if;
end
$$
"""
# dbt kept there when it had last found deletions, and found them by this index.
_FORGET_MARKS = """
do $$
declare
    marks regclass;
begin
    if to_regclass('healthhub_staging.models') is not null then
        delete from healthhub_staging.models where model = 'sync_windows';
    end if;
    for marks in
        select oid from pg_class
        where relnamespace = 'raw_oura'::regnamespace
            and relkind = 'i' and relname like '%\\_deleted\\_at'
    loop
        execute format('drop index %s', marks);
    end loop;
end
$$
"""


def upgrade() -> None:
    """Rename what is there."""
    connection = op.get_bind()
    for old, new in _RELATIONS.items():
        schema, _, name = old.partition(".")
        names = {"old": old, "new": f"{schema}.{new}"}
        if connection.exec_driver_sql(_IS_THERE, names).scalar():
            op.execute(f"alter table {old} rename to {new}")
            op.execute(
                f"update healthhub_staging.models set model = '{new}'"  # noqa: S608 (constants)
                f" where model = '{name}'"
            )
    for table, columns in _COLUMNS.items():
        for old, new in columns.items():
            names = {"table": table, "old": old, "new": new}
            if connection.exec_driver_sql(_HAS_COLUMN, names).scalar():
                op.execute(f"alter table {table} rename column {old} to {new}")
    op.execute(_RENAME_FUNCTION)
    op.execute(sa.text(_FORGET_MARKS.replace(":", r"\:")))


def downgrade() -> None:
    """The names stay: the version before makes what it misses."""
