"""What a workflow runs, run as GitHub would."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

WORKFLOWS = Path(__file__).parents[2] / ".github" / "workflows"
_EXPRESSION = re.compile(r"\$\{\{.*?\}\}")
_SHELLS = {None: ("bash", "-e"), "bash": ("bash", "-e", "-o", "pipefail")}

Step = dict[str, Any]


def run_steps(workflow: str, job: str | None = None) -> list[Step]:
    """The steps with a `run:`, in order, of a job, or of the only one."""
    jobs = yaml.safe_load((WORKFLOWS / workflow).read_text())["jobs"]
    chosen = jobs[job or next(iter(jobs))]
    return [step for step in chosen["steps"] if "run" in step]


def run_step(
    step: Step, folder: Path, environment: Mapping[str, str], **given: str
) -> subprocess.CompletedProcess[str]:
    """Run one by GitHub's own command line for it.

    Args:
        step: The step.
        folder: The checkout.
        environment: Of the machine.
        given: Inputs, secrets and variables by the step's names for them; others are
            not set, which makes GitHub leave theirs empty.
    """
    variables = {
        name: given.get(name, _EXPRESSION.sub("", str(value)))
        for name, value in step.get("env", {}).items()
    }
    return subprocess.run(
        [*_SHELLS[step.get("shell")], "-c", step["run"]],
        cwd=folder,
        env={**environment, **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
