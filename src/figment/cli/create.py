"""`figment create "a red apple"`."""

from dataclasses import fields
from typing import Any

import click

from figment.cli.options import options_of
from figment.core.config import from_dict
from figment.core.errors import InputError
from figment.diffusion.options import Options
from figment.studio.request import CreateRequest

__all__ = ["command"]


@click.command(name="create")
@options_of(CreateRequest, arguments=("prompt",), short={"out": "-o", "count": "-n"})
@options_of(Options, short={})
def command(**values: Any) -> None:
    """Make pictures of PROMPT, a sentence in English or Korean.

    Options from --sampler on are for Stable Diffusion checkpoints in models/Stable-diffusion.
    """
    own = {field.name for field in fields(CreateRequest)}
    request = from_dict(CreateRequest, {name: value for name, value in values.items() if name in own})
    options = from_dict(Options, {name: value for name, value in values.items() if name not in own})
    if not request.prompt.strip():  # more likely an empty variable of a script than a wish for anything at all
        raise InputError("prompt should be a sentence such as 'a red apple'.")
    from figment.cli.progress import run  # heavy imports wait until the request is known to be sound
    from figment.studio.create import create

    for path in run(create(request, options)):
        click.echo(path)
