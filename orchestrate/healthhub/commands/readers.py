"""`healthhub readers`: who may look at the tables, and only look."""

from __future__ import annotations

from typing import Annotated

import typer

from healthhub.commands.common import AsJson, group, migrated_database, show_json
from healthhub.readers import add_reader, all_readers, remove_reader

app = group(
    "Read-only roles for tools that draw and ask.\n\n"
    "They see the schema healthhub: no tokens, and nothing as Oura sent it."
)
_Name = Annotated[str, typer.Argument(metavar="NAME", help="Such as grafana.")]


@app.command()
def add(name: _Name) -> None:
    """Make a reader, and print its URL.

    The password is in it, and is shown this once.
    """
    with migrated_database() as lease:
        typer.echo(add_reader(lease.database, name).url)


@app.command("list")
def list_(*, as_json: AsJson = False) -> None:
    """Show who there is."""
    with migrated_database() as lease, lease.database.connect() as connection:
        readers = all_readers(connection)
    if as_json:
        show_json(readers)
    elif readers:
        typer.echo("\n".join(readers))
    else:
        typer.echo("There are no readers yet. Add one with `healthhub readers add`.")


@app.command()
def remove(name: _Name) -> None:
    """Take a reader away, at once."""
    with migrated_database() as lease, lease.database.connect() as connection:
        remove_reader(connection, name)
    typer.echo(f"{name} is removed.")
