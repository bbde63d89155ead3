"""The first run: dbt reads the project while there is nothing for it to build yet.

That takes it several seconds, once: then it knows what it has read. Until there are
data, the programs before it leave one of two cores idle for as long.
"""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

from healthhub.masking import without_secrets
from healthhub.meltano_log import DBT
from healthhub.project import plugin_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_ELSEWHERE = ("DBT_PROJECT_DIR", "DBT_PROFILES_DIR", "DBT_TARGET_PATH")
# As in a build, dbt is not to look for what can be thrown away.
_PARSE = """
import gc
from dbt.cli.main import cli
gc.disable()
cli(["--quiet", "parse"])
"""


@contextmanager
def reading_ahead(
    project: Path, variables: Mapping[str, str], connection: dict[str, str]
) -> Iterator[None]:
    """Have dbt read the project, if it never has.

    Nothing depends on it: a build that begins before it ends reads by itself.

    Args:
        project: The folder of the Meltano project.
        variables: What is set; whoever has dbt read elsewhere is left alone.
        connection: libpq's variables. dbt reads again where they are others.
    """
    folder = project / "transform"
    python = plugin_folder(project, f"utilities/{DBT}/venv/bin/python")
    is_read = (folder / "target" / "partial_parse.msgpack").exists()
    if is_read or not python.exists() or any(name in variables for name in _ELSEWHERE):
        yield
        return
    with subprocess.Popen(  # noqa: S603 (our own program)
        [python, "-c", _PARSE],
        cwd=folder,
        env=without_secrets(os.environ) | connection | {"DBT_WRITE_JSON": "false"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        process_group=0,  # Ctrl-C reaches it through us
    ) as process:
        try:
            yield
        finally:
            process.terminate()
