"""`figment reproduce FILE`."""

from pathlib import Path

import click

from figment.cli.options import pairs

__all__ = ["command"]


@click.command(name="reproduce")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--out", "-o", type=click.Path(path_type=Path), help="File to write; a new file under outputs/ when not given."
)
@click.option("--set", "changes", multiple=True, help="Setting to change, as NAME=VALUE; may be repeated.")
def command(file: Path, out: Path | None, changes: tuple[str, ...]) -> None:
    """Make the picture in FILE again from the settings that it carries.

    Pictures by Figment and by AUTOMATIC1111 and its kin carry them; the model is found by its hash, else by its name.
    """
    wanted = pairs(changes, "steps=30")
    from figment.cli.progress import run
    from figment.studio.reproduce import reproduce

    for path in run(reproduce(file, out, wanted)):
        click.echo(path)
