"""`figment swap clear`."""

from pathlib import Path

import click

from figment.cli.swap import opened, workspace_option

__all__ = ["command"]


@click.command(name="clear")
@workspace_option
def command(root: Path) -> None:
    """Move everything but the two clips into a folder of the workspace's bin, which is printed."""
    click.echo(opened(root).clear())
