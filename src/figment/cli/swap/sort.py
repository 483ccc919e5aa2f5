"""`figment swap sort SIDE`."""

from pathlib import Path

import click

from figment.cli.swap import opened, side_argument, workspace_option

__all__ = ["command"]


@click.command(name="sort")
@side_argument
@workspace_option
@click.option("--by", default="histogram", show_default=True, help="Order; --by list names them all.")
@click.option(
    "--target", type=click.IntRange(1), default=2000, show_default=True, help="Faces that orders which choose keep."
)
@click.option("--restore", is_flag=True, help="First take in again all faces that orders had left out.")
def command(side: str, root: Path, by: str, target: int, restore: bool) -> None:
    """Put the faces of SIDE in order; print how many are left out by it. No file is renamed or deleted."""
    from figment.cli.progress import run
    from figment.faceswap import sorting
    from figment.studio.swap import restored, sorted_faces

    if by == "list":
        for label, module in sorting.labels().items():
            click.echo(f"{label:30} {sorting.find(module).HELP}")
        return
    workspace = opened(root)
    if restore:
        restored(workspace, side)  # type: ignore[arg-type]  # click has checked it
    click.echo(f"{run(sorted_faces(workspace, side, by, target))} left out")  # type: ignore[arg-type]  # as above
