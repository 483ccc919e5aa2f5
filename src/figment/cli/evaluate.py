"""`figment evaluate RUN`."""

from typing import Any

import click

from figment.cli.compare import measured, options

__all__ = ["command"]


@click.command(name="evaluate")
@click.argument("model")
@options
def command(model: str, **asked: Any) -> None:
    """Measure MODEL: quality, diversity, likelihood, and what a picture and the training cost."""
    measured((model,), **asked)
