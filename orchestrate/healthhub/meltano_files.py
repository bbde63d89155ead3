"""Meltano's files of a run, in `.meltano/run`: every secret, bookmarks, the catalogue.

Meltano deletes only some of them, and none once it is killed. Of a tap that is
installed from a folder it does not see when it has changed, so what the catalogue was
made of is written beside it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING

from healthhub.errors import HealthHubError
from healthhub.project import plugin_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_TAP = "tap-oura"

#: Files that hold no data and are used by the next run.
KEPT = ("tap.properties.json", "tap.properties.cache_key", "tap.properties.made_of")


def is_held(folder: Path) -> bool:
    """Whether a run uses a folder."""
    try:
        with (folder / "lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


@cache
def hold(folder: Path) -> None:
    """Lock a folder until this process ends: each run has the same file names there."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise HealthHubError(
            f"Another run uses {folder}. Wait for it to end, or give this one a folder "
            "of its own, as docs/scale.md shows."
        ) from None


def keep_true_catalogue(project: Path) -> None:
    """Let Meltano use its cached catalogue, unless the tap has changed since."""
    folder = plugin_folder(project, f"run/{_TAP}")
    _, key, made_of = (folder / name for name in KEPT)
    now = sha256(b"\0".join(_sources(project))).hexdigest()
    if not made_of.exists() or made_of.read_text() != now:
        key.unlink(missing_ok=True)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        made_of.write_text(now)
    os.environ.setdefault("TAP_OURA__USE_CACHED_CATALOG", "true")


def _sources(project: Path) -> Iterator[bytes]:
    """The tap's own files, and which libraries it is installed with."""
    for file in sorted((project / _TAP / "tap_oura").rglob("*")):
        if file.is_file() and file.parent.name != "__pycache__":
            yield bytes(file.relative_to(project))
            yield file.read_bytes()
    packages = plugin_folder(project, f"extractors/{_TAP}") / "venv"
    for library in sorted(packages.glob("lib/python*/site-packages/*.dist-info")):
        yield library.name.encode()


def forget_ended_runs(project: Path) -> None:
    """Close the folder to others, and delete files that no program uses any more."""
    import psutil  # noqa: PLC0415 (Meltano itself does without)

    folder = plugin_folder(project, "run")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    shutil.rmtree(folder / "meltano", ignore_errors=True)  # the logs of runs by hand
    # A program that is starting has its configuration on its command line.
    in_use = [
        argument
        for process in psutil.process_iter(["cmdline"])
        for argument in process.info["cmdline"] or ()
    ]
    for file in folder.glob("*/*"):
        is_used = any(path.startswith(str(file.parent)) for path in in_use)
        if file.is_file() and file.name not in KEPT and not is_used:
            file.unlink(missing_ok=True)
