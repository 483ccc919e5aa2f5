"""`figment swap status`."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from figment.cli.swap import opened, workspace_option

__all__ = ["command"]


@click.command(name="status")
@workspace_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(root: Path, as_json: bool) -> None:
    """Say of each step whether it is done, what came out, and whether what it was made from has changed since."""
    states = opened(root).status()
    if as_json:
        click.echo(json.dumps([asdict(state) for state in states]))
        return
    for number, state in enumerate(states, 1):
        said = ", ".join(f"{name} {_plain(value)}" for name, value in state.figures.items())
        stale = f"  made from what has changed since: {', '.join(state.stale)}" if state.stale else ""
        click.echo(f"{number:2}  {state.step:12} {state.state:6} {said}{stale}".rstrip())


def _plain(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
