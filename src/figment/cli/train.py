"""`figment train RECIPE|FAMILY`."""

from pathlib import Path

import click

from figment.cli.options import pairs

__all__ = ["command"]


@click.command(name="train")
@click.argument("what", metavar="RECIPE|FAMILY")
@click.option(
    "--data", multiple=True, help="Data set of a family, or STAGE=NAME for one of its stages; may be repeated."
)
@click.option("--preset", help="Named configuration of a family.")
@click.option(
    "--size", type=click.IntRange(4, 1024), help="Pixels a side for a family; those of the data if not given."
)
@click.option(
    "--set",
    "changes",
    multiple=True,
    help="Field of a family to change, as NAME=VALUE; figment explain FAMILY names them.",
)
@click.option("--run", "run_folder", help="Folder of the run; runs/NAME when not given.")
@click.option("--steps", type=click.IntRange(1), help="Optimiser steps of each stage of a family; 2000 when not given.")
@click.option("--batch", type=click.IntRange(1), help="Examples a step of a family; 32 when not given.")
@click.option("--seed", type=click.IntRange(0), help="Number that fixes the run of a family; 0 when not given.")
@click.option("--save-minutes", type=click.FloatRange(0), default=5.0, show_default=True, help="Time between saves.")
@click.option("--half", is_flag=True, help="Store the exported weights as float16.")
def command(
    what: str,
    data: tuple[str, ...],
    preset: str | None,
    size: int | None,
    changes: tuple[str, ...],
    run_folder: str | None,
    steps: int | None,
    batch: int | None,
    seed: int | None,
    save_minutes: float,
    half: bool,
) -> None:
    """Train a RECIPE file, or a model FAMILY on a data set. A run that was stopped goes on where it was.

    With `accelerate launch -m figment train ...` or `torchrun` the same run is shared by many GPUs.
    """
    from figment.cli.progress import run
    from figment.studio.train import train_run
    from figment.training.plan import plan

    settings = pairs(changes, "learning_rate=1e-4")
    recipe = plan(what, data=data, preset=preset, size=size, settings=settings, steps=steps, batch=batch, seed=seed)
    folder = Path(run_folder) if run_folder else Path("runs") / recipe.name
    click.echo(run(train_run(recipe, folder, save_minutes=save_minutes, half=half)))
