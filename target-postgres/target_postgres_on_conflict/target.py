"""The target: settings and command line are target-postgres's own."""

from __future__ import annotations

from target_postgres.target import TargetPostgres

from target_postgres_on_conflict.sink import OnConflictSink


class TargetPostgresOnConflict(TargetPostgres):
    """target-postgres with another sink."""

    package_name = "target-postgres-on-conflict"
    default_sink_class = OnConflictSink
