"""`figment sample RUN -n 64 -o grid.png`."""

from pathlib import Path

import click

from figment.core.errors import InputError

__all__ = ["command"]


@click.command(name="sample")
@click.argument("model")
@click.option("--count", "-n", default=16, show_default=True, help="Pictures (1 to 1024).")
@click.option("--out", "-o", help="File to write; a new file under outputs/ when not given.")
@click.option("--prompt", "prompts", multiple=True, help="Caption; may be repeated, and is then used in turn.")
@click.option("--label", "labels", type=int, multiple=True, help="Class; may be repeated, and is then used in turn.")
@click.option(
    "--sampler", default="", help="Way from noise to a picture, such as 'Heun'; the model's own if not given."
)
@click.option("--seed", default=0, show_default=True, help="Number that fixes the pictures.")
@click.option("--steps", default=16, show_default=True, help="Sampling steps (1 to 1000).")
@click.option("--init", type=click.Path(path_type=Path), help="Picture to start from, or to complete with --mask.")
@click.option("--mask", help="What to draw anew: lower, upper, left, right, or a picture that is white there.")
@click.option(
    "--strength",
    default=0.6,
    show_default=True,
    type=click.FloatRange(0, 1),
    help="How much of the start picture to redo, for models that start from noise.",
)
@click.option("--guidance", default=3.0, show_default=True, help="How closely to follow the captions.")
def command(
    model: str,
    count: int,
    out: str | None,
    prompts: tuple[str, ...],
    labels: tuple[int, ...],
    sampler: str,
    seed: int,
    steps: int,
    init: Path | None,
    mask: str | None,
    strength: float,
    guidance: float,
) -> None:
    """Make a grid of pictures from MODEL: the name of a model, a run folder or a weights file."""
    if not 1 <= count <= 1024 or not 1 <= steps <= 1000:
        raise InputError(f"A grid takes 1 to 1024 pictures and 1 to 1000 steps, not {count} and {steps}.")
    from figment.cli.progress import run
    from figment.core.model import SampleRequest
    from figment.studio.contact import sample_grid

    path = Path(out) if out else None
    asked = SampleRequest(
        count,
        prompts=prompts or ("",),
        labels=labels,
        sampler=sampler,
        steps=steps,
        guidance=guidance,
        strength=strength,
    )
    task = sample_grid(model, asked, seed=seed, out=path, init=init, mask=mask)
    click.echo(run(task))
