"""`figment evaluate RUN`."""

from pathlib import Path

import click

from figment.cli.compare import measured, options

__all__ = ["command"]


@click.command(name="evaluate")
@click.argument("model")
@options
def command(
    model: str, data: str | None, inception: Path | None, count: int, likelihoods: int, seed: int, as_json: bool
) -> None:
    """Measure MODEL: quality, diversity, likelihood, and what a picture and the training cost."""
    measured((model,), data, inception, count, likelihoods, seed, as_json)
