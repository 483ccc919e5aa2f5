"""`figment compare RUN RUN ...`."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from figment.studio.evaluate import Comparison

__all__ = ["command", "measured", "options"]


def options(function: Callable[..., Any]) -> Callable[..., Any]:
    """What both `compare` and `evaluate` can be told."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print JSON."),
        click.option("--seed", default=0, show_default=True, help="Number that fixes samples and intervals."),
        click.option("--likelihoods", type=click.IntRange(2, 100_000), default=64, show_default=True,
                     help="Held-out pictures whose likelihood is bounded."),
        click.option("--count", "-n", type=click.IntRange(10, 100_000), default=1000, show_default=True,
                     help="Pictures of each model."),
        click.option("--inception", type=click.Path(path_type=Path),
                     help="File of FID's own network, inception-2015-12-05.pt; without it one learns from the data."),
        click.option("--data", help="Data set; that of the first run if not given."),
    ):  # fmt: skip
        function = option(function)
    return function


def measured(models: tuple[str, ...], *, as_json: bool, **asked: Any) -> "Comparison":
    """Compare the models as `options` asked for, and print the table."""
    from figment.cli.progress import run
    from figment.studio import evaluate

    found = run(evaluate.compare(models, **asked))
    click.echo(evaluate.as_json(found) if as_json else evaluate.table(found))
    return found


@click.command(name="compare")
@click.argument("models", nargs=-1, required=True)
@click.option("--out", "-o", help="Also write what there is to look at: one page (.html) or one picture (.png).")
@options
def command(models: tuple[str, ...], out: str | None, as_json: bool, **asked: Any) -> None:
    """Measure MODELS side by side: quality, diversity, likelihood, and what a picture and the training cost.

    All are held against the same held-out pictures. The first row, of real training pictures, is the best that can be.
    """
    from figment.studio.comparison_page import save_page, save_sheet
    from figment.studio.gallery import format_of

    save = save_page if out is not None and out.lower().endswith(".html") else save_sheet
    if out is not None and save is save_sheet:
        format_of(Path(out))
    found = measured(models, as_json=as_json, **asked)
    if out is not None:
        click.echo(save(found, Path(out)), err=as_json)  # standard output is one JSON object, and nothing else
