"""The tap's catalogue, which Meltano keeps while the settings are the same.

Of a tap that is installed from a folder, Meltano does not see when it has changed. So
what the catalogue was made of is written beside it, and another tap begins with none.
"""

from __future__ import annotations

import os
from hashlib import sha256
from typing import TYPE_CHECKING

from healthhub.meltano_log import TAP
from healthhub.project import plugin_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: The files of a run that say nothing about anybody, and that the next one uses.
KEPT = ("tap.properties.json", "tap.properties.cache_key", "tap.properties.made_of")

_SWITCH = "TAP_OURA__USE_CACHED_CATALOG"


def keep_while_true(project: Path) -> None:
    """Let Meltano use the catalogue that it has, unless the tap is another one now."""
    folder = plugin_folder(project, f"run/{TAP}")
    _, key, made_of = (folder / name for name in KEPT)
    now = sha256(b"\0".join(_sources(project))).hexdigest()
    if not made_of.exists() or made_of.read_text() != now:
        key.unlink(missing_ok=True)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        made_of.write_text(now)
    os.environ.setdefault(_SWITCH, "true")


def _sources(project: Path) -> Iterator[bytes]:
    """The tap's own files, and which libraries it is installed with."""
    for file in sorted((project / TAP / "tap_oura").rglob("*")):
        if file.is_file() and file.parent.name != "__pycache__":
            yield bytes(file.relative_to(project))
            yield file.read_bytes()
    packages = plugin_folder(project, f"extractors/{TAP}") / "venv"
    for library in sorted(packages.glob("lib/python*/site-packages/*.dist-info")):
        yield library.name.encode()
