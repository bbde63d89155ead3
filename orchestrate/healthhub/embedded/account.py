"""As whom the server runs: PostgreSQL refuses to run as root.

A root user gets a system user of its own, `healthhub`, rather than a shared one such as
`nobody`: whatever else runs as `nobody` could read the data.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

from healthhub.errors import HealthHubError

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

NAME = "healthhub"


class Identity(TypedDict, total=False):
    """What `subprocess` needs to become someone else."""

    user: int
    group: int
    extra_groups: Collection[int]


@dataclass(frozen=True)
class Account:
    """The owner of the data and of the server's processes."""

    uid: int
    gid: int

    @property
    def is_caller(self) -> bool:
        """Whether nothing has to change hands."""
        return self.uid == os.geteuid()

    @property
    def identity(self) -> Identity:
        """Arguments for `subprocess` to start something as this account."""
        if self.is_caller:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": ()}

    def own(self, path: Path) -> None:
        """Give it a file or folder."""
        if not self.is_caller:
            os.chown(path, self.uid, self.gid)

    def can_enter(self, folder: Path) -> bool:
        """Ask by trying: modes, ACLs and mounts all have a say."""
        if self.is_caller:
            return True
        enter = ["/bin/sh", "-c", 'cd "$1" 2>/dev/null', "sh", str(folder)]
        done = subprocess.run(enter, check=False, cwd="/", **self.identity)  # noqa: S603 (a path is data to this script)
        return done.returncode == 0


def server_account() -> Account:
    """The caller, or for root the system user `healthhub`, created when missing."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    try:
        entry = pwd.getpwnam(NAME)
    except KeyError:
        _create()
        entry = pwd.getpwnam(NAME)
    return Account(entry.pw_uid, entry.pw_gid)


def _create() -> None:
    """Add the system user."""
    useradd = shutil.which("useradd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    arguments = ("--system", "--no-create-home", "--shell", "/usr/sbin/nologin", NAME)
    if useradd:
        subprocess.run([useradd, *arguments], check=False, capture_output=True)  # noqa: S603 (fixed arguments)
    try:  # also when another command was faster
        pwd.getpwnam(NAME)
    except KeyError:
        raise HealthHubError(
            "PostgreSQL does not run as root, and the system user "
            f"{NAME} cannot be created. Run this as an ordinary user."
        ) from None
    sys.stderr.write(
        f"Created the system user {NAME}, because PostgreSQL does not run as root.\n"
    )
