"""`figment swap pack SIDE`."""

from pathlib import Path

import click

from figment.cli.swap import opened, side_argument, workspace_option

__all__ = ["command"]


@click.command(name="pack")
@side_argument
@workspace_option
def command(side: str, root: Path) -> None:
    """Write the faces of SIDE into one file, and print its name; the folder of faces stays."""
    from figment.cli.progress import run
    from figment.studio.swap import packed

    click.echo(run(packed(opened(root), side)))  # type: ignore[arg-type]  # click has checked it
