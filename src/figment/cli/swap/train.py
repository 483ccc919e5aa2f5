"""`figment swap train`."""

from pathlib import Path
from typing import Any

import click

from figment.cli.options import options_of
from figment.cli.swap import consents_options, declared, opened, workspace_option
from figment.core.config import from_dict
from figment.faceswap.training_recipes import SwapSettings

__all__ = ["command"]


@click.command(name="train")
@workspace_option
@consents_options
@options_of(SwapSettings, short={})
def command(root: Path, src_consent: str | None, dst_consent: str | None, **values: Any) -> None:
    """Let a network learn the faces of both clips, and print where it lies. A training that was stopped goes on.

    A record of consent must be named for each of the two people; `figment consent add` makes one. The page
    model/preview.png shows what the network makes of faces that it does not learn from, and model/*-curve.png how its
    losses fall. With `accelerate launch -m figment swap train` or `torchrun` several GPUs share the work.
    """
    settings = from_dict(SwapSettings, values)
    from figment.cli.progress import run
    from figment.studio.swap_training import learnt

    workspace = opened(root)
    declared(workspace, src_consent, dst_consent)
    click.echo(run(learnt(workspace, settings)))
