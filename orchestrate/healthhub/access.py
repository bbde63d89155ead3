"""Who may read what, on a database with Supabase's roles."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psycopg


def apply_access(connection: psycopg.Connection) -> None:
    """Give each table its grants and policies; the migrations have the function.

    A table that is new, or that was made anew, has none yet.
    """
    connection.execute("select healthhub.apply_access()")
