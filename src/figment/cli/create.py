"""`figment create "a red apple"`."""

from typing import Any

import click

from figment.cli.options import options_of
from figment.core.config import from_dict
from figment.studio.request import CreateRequest

__all__ = ["command"]


@click.command(name="create")
@options_of(CreateRequest, arguments=("prompt",), short={"out": "-o", "count": "-n"})
def command(**values: Any) -> None:
    """Make pictures of PROMPT, a sentence in English or Korean."""
    request = from_dict(CreateRequest, values)
    from figment.cli.progress import run  # heavy imports wait until the request is known to be sound
    from figment.studio.create import create

    for path in run(create(request)):
        click.echo(path)
