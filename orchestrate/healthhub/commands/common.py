"""What several commands need."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from healthhub.migrations import migrate
from healthhub.project import project_folder
from healthhub.settings import Settings, load_settings, using_database

if TYPE_CHECKING:
    from collections.abc import Iterator

    from healthhub.embedded import Lease


AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


def group(help_: str) -> typer.Typer:
    """A group of commands; without arguments, or with -h, it shows its help."""
    return typer.Typer(
        help=help_,
        no_args_is_help=True,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
        pretty_exceptions_enable=False,
    )


def show_json(value: object) -> None:
    """Print JSON; times and ids as text."""
    typer.echo(json.dumps(value, indent=2, default=str, ensure_ascii=False))


def project_settings() -> Settings:
    """The settings of the project around the current folder."""
    return load_settings(project_folder())


@contextmanager
def migrated_database() -> Iterator[Lease]:
    """The chosen database, with all that the migrations make."""
    with using_database(project_settings()) as lease:
        migrate(lease.database)
        yield lease
