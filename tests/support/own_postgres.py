"""An embedded PostgreSQL of a test's own, or the Citus that `make test-citus` has."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from citus_server import given
from healthhub.embedded import EmbeddedPostgres

if TYPE_CHECKING:
    from collections.abc import Iterator

    from healthhub.database import Database


@contextmanager
def own_postgres(name: str) -> Iterator[Database]:
    """A server in a folder of its own, which the server's account may enter."""
    if citus := given():
        yield citus
        return
    home = Path(tempfile.mkdtemp(prefix=f"healthhub-{name}-"))
    home.chmod(0o755)
    try:
        with EmbeddedPostgres(home).using() as lease:
            yield lease.database
    finally:
        shutil.rmtree(home)
