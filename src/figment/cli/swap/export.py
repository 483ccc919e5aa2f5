"""`figment swap export SIDE PATH`."""

from pathlib import Path

import click

from figment.cli.swap import opened, side_argument, workspace_option

__all__ = ["command"]


@click.command(name="export")
@side_argument
@click.argument("path", type=click.Path(path_type=Path))
@workspace_option
def command(side: str, path: Path, root: Path) -> None:
    """Write the faces of SIDE as DeepFaceLab reads them: to PATH.pak, or to a folder PATH; print how many there are."""
    from figment.cli.progress import run
    from figment.studio.swap import exported

    click.echo(f"{run(exported(opened(root), side, path))} faces")  # type: ignore[arg-type]  # click has checked it
