"""`figment swap frames SIDE`."""

from pathlib import Path

import click

from figment.cli.swap import opened, side_argument, workspace_option

__all__ = ["command"]


@click.command(name="frames")
@side_argument
@workspace_option
@click.option("--dump", type=click.Choice(("png", "jpg")), help="Write the frames as pictures too.")
def command(side: str, root: Path, dump: str | None) -> None:
    """Read the clip of SIDE from end to end, and print how many frames it has.

    The other steps read frames from the clip; pictures of them are for other programs.
    """
    from figment.cli.progress import run
    from figment.studio.swap import framed

    click.echo(f"{run(framed(opened(root), side, dump or ''))} frames")  # type: ignore[arg-type]  # click has checked
