"""The embedded PostgreSQL, shared by all commands that run at the same time.

Two locks in its home keep order. Each command shares `postgres.users` while it runs;
whoever finds itself the last one stops the server. `postgres.lock` is held while the
server is started or stopped, so that nobody does either at the same time.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import IO, TYPE_CHECKING

from healthhub.embedded.cluster import Cluster
from healthhub.embedded.programs import Programs, make_open_folder, server_account
from healthhub.errors import HealthHubError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from healthhub.database import Database
    from healthhub.embedded.programs import Account

# For a root user whose own folders the server's account cannot enter.
SHARED_FOLDER = Path("/var/lib/healthhub")


@dataclass(frozen=True)
class Lease:
    """The right to use the server.

    A child process that inherits the descriptors has it, too, and keeps the server up
    even when its parent was killed.
    """

    database: Database
    descriptors: tuple[int, ...] = ()


class EmbeddedPostgres:
    """The server of one home folder."""

    def __init__(self, home: Path) -> None:
        """Create the home folder if it is missing."""
        if not home.exists():
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
            if os.geteuid() == 0:  # the server's account passes through to the data
                home.chmod(0o711)
        self._home = home.resolve()
        if not os.access(self._home, os.W_OK | os.X_OK):
            raise HealthHubError(
                f"{self._home} belongs to {self._home.owner()}. Run this as that user, "
                "or set HEALTHHUB_HOME to another folder."
            )
        account = server_account()
        self._cluster = Cluster(
            _data_folder(self._home, account),
            Programs.for_account(account, SHARED_FOLDER),
            notes=self._home,
        )
        self._transition = self._home / "postgres.lock"
        self._users = self._home / "postgres.users"
        self._keep = self._home / "postgres.keep"

    @property
    def folder(self) -> Path:
        """Where the data are."""
        return self._cluster.folder

    @property
    def log(self) -> Path:
        """Where the server logs."""
        return self._cluster.log

    @property
    def database(self) -> Database | None:
        """How to reach the server, if it runs."""
        return self._cluster.database

    @property
    def is_kept(self) -> bool:
        """Whether it stays up when nobody uses it."""
        return self._keep.exists()

    @contextmanager
    def using(self) -> Iterator[Lease]:
        """Have the server running, and stop it afterwards if nobody else uses it."""
        with self._users.open("a") as share:
            try:
                with _exclusive(self._transition):
                    fcntl.flock(share, fcntl.LOCK_SH)
                    database = self._cluster.start()
                # A child that inherits the descriptor holds the share, too.
                yield Lease(database, (share.fileno(),))
            finally:
                with _exclusive(self._transition):
                    if _is_alone(share) and not self.is_kept:
                        self._cluster.stop()

    def start_and_keep(self) -> Database:
        """Start the server, to stay up until `stop`."""
        with _exclusive(self._transition):
            database = self._cluster.start()
            self._keep.touch()
            return database

    def stop(self) -> bool:
        """Stop the server when its last user leaves. Returns whether that is now."""
        with _exclusive(self._transition), self._users.open("a") as share:
            self._keep.unlink(missing_ok=True)
            if not _is_alone(share):
                return False
            self._cluster.stop()
            return True


def _data_folder(home: Path, account: Account) -> Path:
    """In the home where the account can enter it, else in a folder it can reach.

    Data that exist stay where they are, whatever permissions say by now.
    """
    inside = home / "postgres"
    digest = sha256(os.fsencode(home)).hexdigest()[:16]
    outside = SHARED_FOLDER / digest / "postgres"
    for folder in (inside, outside):
        if folder.exists():
            return folder
    if account.can_enter(home):
        return inside
    make_open_folder(outside.parent)
    return outside


@contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    """Wait until nobody else is inside; the kernel drops the lock of who dies."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _is_alone(share: IO[str]) -> bool:
    """Give up a share of a lock; hold it alone if nobody else has a share."""
    try:
        fcntl.flock(share, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
