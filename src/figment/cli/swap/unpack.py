"""`figment swap unpack SIDE`."""

from pathlib import Path

import click

from figment.cli.swap import opened, side_argument, workspace_option

__all__ = ["command"]


@click.command(name="unpack")
@side_argument
@workspace_option
@click.option("--from", "path", type=click.Path(path_type=Path), help="Packed file; that of `pack` when not given.")
def command(side: str, root: Path, path: Path | None) -> None:
    """Take the faces in a packed file into SIDE, and print how many there were."""
    from figment.cli.progress import run
    from figment.studio.swap import unpacked

    click.echo(f"{run(unpacked(opened(root), side, path))} faces")  # type: ignore[arg-type]  # click has checked it
