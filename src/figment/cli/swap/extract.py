"""`figment swap extract SIDE`."""

from pathlib import Path
from typing import Any

import click

from figment.cli.options import options_of
from figment.cli.swap import opened, side_argument, workspace_option
from figment.core.config import from_dict
from figment.faceswap.extract import ExtractSettings

__all__ = ["command"]


@click.command(name="extract")
@side_argument
@workspace_option
@options_of(ExtractSettings, short={})
def command(side: str, root: Path, **values: Any) -> None:
    """Take the faces of one person out of the clip of SIDE, and print how many there are.

    Where several people are seen, a sheet shows them, and --person says whose faces are wanted. Faces of others are
    kept apart.
    """
    settings = from_dict(ExtractSettings, values)
    from figment.cli.progress import run
    from figment.studio.swap import extracted

    click.echo(f"{run(extracted(opened(root), side, settings))} faces")  # type: ignore[arg-type]  # click has checked
