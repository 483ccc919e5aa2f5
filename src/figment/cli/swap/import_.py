"""`figment swap import WHAT PATH`."""

from pathlib import Path

import click

from figment.cli.swap import opened, workspace_option

__all__ = ["command"]


@click.command(name="import")
@click.argument("what", type=click.Choice(("src", "dst", "model")))
@click.argument("path", type=click.Path(path_type=Path))
@workspace_option
def command(what: str, path: Path, root: Path) -> None:
    """Take in what DeepFaceLab made: faces of src or dst, a folder or a faceset.pak; or the folder of a Quick96 model.

    Nothing in those files is executed.
    """
    from figment.studio.swap import imported

    workspace = opened(root)
    if what == "model":
        from figment.studio.swap_training import imported_model

        click.echo(imported_model(workspace, path))
        return
    from figment.cli.progress import run

    click.echo(f"{run(imported(workspace, what, path))} faces")  # type: ignore[arg-type]  # click has checked it
