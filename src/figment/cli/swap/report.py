"""`figment swap report`."""

from pathlib import Path

import click

from figment.cli.swap import opened, workspace_option

__all__ = ["command"]


@click.command(name="report")
@workspace_option
def command(root: Path) -> None:
    """Measure result.mp4 beside data_dst: whom the face looks like, whether it moves with the clip, and what shows.

    Prints a table and where its picture, report.png, lies.
    """
    from figment.cli.progress import run
    from figment.studio.swap_training import reported

    written = run(reported(opened(root)))
    for row in written.report.rows():
        click.echo(f"{row.name:36} {row.value:>12}  {row.wanted}".rstrip())
    click.echo(written.picture)
