"""`figment swap run WORKSPACE`."""

from pathlib import Path
from typing import Any

import click

from figment.cli.options import options_of
from figment.cli.swap import consents_options, declared, opened
from figment.core.config import from_dict
from figment.studio.swap_run import RunSettings

__all__ = ["command"]


@click.command(name="run")
@click.argument("root", metavar="WORKSPACE", type=click.Path(path_type=Path))
@consents_options
@options_of(RunSettings, short={})
def command(root: Path, src_consent: str | None, dst_consent: str | None, **values: Any) -> None:
    """Do all the steps in WORKSPACE that are not done or were made from what has changed since; print the result.

    Stopped, it goes on where it was.
    """
    settings = from_dict(RunSettings, values)
    from figment.cli.progress import run
    from figment.studio.swap_run import run_all

    workspace = opened(root)
    declared(workspace, src_consent, dst_consent)
    click.echo(run(run_all(workspace, settings)))
