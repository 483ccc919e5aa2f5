"""How good models are: side by side, on the same held-out pictures, in the same space, from equally many samples."""

import dataclasses
import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from figment.core.checkpoint import read_metadata
from figment.core.dataset import Dataset
from figment.core.errors import DataError, InputError
from figment.core.model import GenerativeModel, HasLikelihood
from figment.core.task import Progress, Task
from figment.data.datasets import open_dataset
from figment.data.factors import Factors
from figment.data.home import data_home
from figment.metrics.estimate import Estimate, bootstrap
from figment.metrics.features import FeatureSpace, open_features, save_features, train_features
from figment.metrics.frechet import frechet_distance
from figment.metrics.inception import Inception, open_inception
from figment.metrics.kernel import kernel_distance
from figment.metrics.manifold import Manifold, manifold
from figment.metrics.modes import Modes, modes
from figment.pixels.arrays import from_signed
from figment.pixels.grids import grid
from figment.studio.create import ready
from figment.studio.exhibit import Exhibit, exhibit, seconds_trained
from figment.studio.factors import has_numbers, kept_apart
from figment.studio.library import Entry, find

__all__ = ["Comparison", "Evaluation", "as_json", "cells", "compare", "features_of", "table", "trained_on"]

AT_ONCE = 50
FEATURE_STEPS = 800


@dataclass(frozen=True)
class Evaluation:
    """What was measured of one model, or of real pictures in its place."""

    name: str
    family: str = ""
    parameters: int = 0
    """Of what sampling needs."""
    frechet: Estimate | None = None
    """Fréchet distance to the held-out pictures; less is better."""
    kernel: Estimate | None = None
    """Kernel distance; less is better, and 0 within its interval means that nothing was told apart."""
    spread: Manifold | None = None
    """Quality and diversity apart."""
    modes: Modes | None = None
    """Classes of the data that were found among the pictures, where the features were learnt by class."""
    nats: Estimate | None = None
    """Upper bound of the negative log-likelihood of a held-out picture."""
    bits_per_dim: float | None = None
    gap: float | None = None
    """Mutual information gap of the code's numbers, on data whose factors are known."""
    factors: float | None = None
    """beta-VAE score of the same."""
    seconds_per_picture: float | None = None
    """Of sampling, with `AT_ONCE` pictures at a time."""
    seconds_trained: float | None = None


@dataclass(frozen=True, eq=False)
class Comparison:
    """Several models, after the real pictures that are their ceiling."""

    data: str
    pictures: int
    learnt: str
    """What the feature network learnt."""
    rows: tuple[Evaluation, ...]
    sheet: NDArray[np.uint8]
    """A row of real pictures, then a row of each model's."""
    official: bool = False
    """Whether the network is that of FID."""
    exhibits: tuple[Exhibit, ...] = ()
    """More to look at, of each model."""

    @property
    def note(self) -> str:
        """How the figures came about, in a sentence."""
        kind = "FID and KID" if self.official else "not FID"
        return (
            f"{self.pictures} pictures of {self.data} each; the network learnt {self.learnt}; its distances are {kind}."
        )


def compare(
    names: Sequence[str],
    *,
    data: str | None = None,
    count: int = 1000,
    likelihoods: int = 64,
    seed: int = 0,
    inception: Path | None = None,
) -> Task[Comparison]:
    """Measure the models called `names` with `count` pictures each, on `data` or on what the first was trained on.

    `inception` is the file of FID's own network; without it, one learns from the data set. The likelihood is bounded on
    `likelihoods` held-out pictures, since it can take a thousand network calls each. The first row compares training
    pictures with the held-out ones: nothing can be expected to do better. Raises InputError for models of different
    picture sizes, DataError for data with too few held-out pictures, CheckpointError for a file that is not Inception.
    """
    found = [find(name) for name in names]
    shapes = {entry.name: ready(entry).image_shape for entry in found}
    if len(set(shapes.values())) > 1:
        told = ", ".join(f"{name} {shape[2]}x{shape[1]}x{shape[0]}" for name, shape in shapes.items())
        raise InputError(f"Models are compared at one size of picture, not at several ({told}).")
    source = data or trained_on(found[0])
    side = next(iter(shapes.values()))[1]
    train, test = (open_dataset(source, side, split=split) for split in ("train", "test"))
    if train.image_shape != next(iter(shapes.values())):
        raise InputError(
            f"{source} has pictures of shape {train.image_shape}, the models make {shapes[found[0].name]}."
        )
    official = None if inception is None else open_inception(inception)
    space = official or (yield from features_of(source, train, side))
    count = min(count, len(test), len(train))
    if count < 10:
        raise DataError(f"{source} has {len(test)} held-out pictures; a comparison needs at least 10.")
    held_out, known = (_pictures(part, count, seed) for part in (test, train))
    real = _Seen.of(space, held_out)
    rows = [dataclasses.replace(_told(real, _Seen.of(space, known), "real training pictures"), family="none")]
    strips, shown = [known[:10]], list[Exhibit]()
    for entry in found:
        made, spent = yield from _samples(ready(entry), count, test, seed, entry.name)
        row = _told(real, _Seen.of(space, made), entry.name)
        nats = yield from _nats(ready(entry), held_out[:likelihoods], seed)
        row = _with_costs(row, entry, nats, spent / count)
        model = ready(entry)
        device = model.device
        if isinstance(test, Factors) and has_numbers(model, held_out[0]):
            gap, factors = kept_apart(model, test, seed, device)
            row = dataclasses.replace(row, gap=gap, factors=factors)
        rows.append(row)
        strips.append(made[:10])
        shown.append((yield from exhibit(entry, row.family, ready(entry), made, held_out[:200], seed)))
    pictures = [from_signed(picture.float().cpu().numpy()) for strip in strips for picture in strip]
    return Comparison(
        source, count, space.learnt, tuple(rows), grid(pictures, columns=10), official is not None, tuple(shown)
    )


def table(comparison: Comparison) -> str:
    """A Markdown table with 95 % intervals."""
    head, rows = cells(comparison)
    lines = ["| " + " | ".join(row) + " |" for row in (head, *rows)]
    return "\n".join([lines[0], "|---" * len(head) + "|", *lines[1:], "", comparison.note])


def cells(comparison: Comparison) -> tuple[list[str], list[list[str]]]:
    """The head and the rows of the table, as text."""
    head = ["model", "family", "Fréchet", "kernel x 1000", "precision", "recall", "density", "coverage", "classes"]
    apart = any(row.gap is not None for row in comparison.rows)
    head += ["nats", "bits/dim", *(["MIG", "beta-VAE score"] if apart else []), "s a picture", "trained", "parameters"]
    rows = []
    for row in comparison.rows:
        spread = row.spread
        shares = ["-"] * 4 if spread is None else [f"{share:.2f}" for share in dataclasses.astuple(spread)]
        kernel = row.kernel and Estimate(*(1000 * value for value in dataclasses.astuple(row.kernel)))
        found: list[object] = [row.name, row.family, row.frechet, kernel, *shares, row.modes, row.nats]
        found += [row.bits_per_dim and f"{row.bits_per_dim:.3f}"]
        found += [value and f"{value:.2f}" for value in (row.gap, row.factors)] if apart else []
        found += [
            _seconds(row.seconds_per_picture),
            _seconds(row.seconds_trained),
            f"{row.parameters:,}" if row.parameters else None,
        ]
        rows.append(["-" if cell is None else str(cell) for cell in found])
    return head, rows


def as_json(comparison: Comparison) -> str:
    """The same figures as one JSON object."""
    rows = [dataclasses.asdict(row) for row in comparison.rows]
    plain = {"data": comparison.data, "pictures": comparison.pictures, "features": comparison.learnt, "rows": rows}
    return json.dumps(plain, ensure_ascii=False)


def _seconds(value: float | None) -> str | None:
    if value is None:
        return None
    return f"{value:.3g} s" if value < 120 else f"{value / 60:.0f} min"


def trained_on(entry: Entry) -> str:
    """The data of the last stage of the run that `entry` belongs to."""
    try:
        recipe = json.loads((entry.path.parent / "recipe.json").read_text(encoding="utf-8"))
        return str(recipe["stages"][-1]["data"])
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        raise InputError(f"{entry.name} does not say what it was trained on; name a data set with --data.") from None


def features_of(source: str, train: Dataset, side: int) -> Task[FeatureSpace]:
    """The feature space of a data set: kept beside the data sets, and learnt when there is none yet."""
    name = "".join(sign if sign.isalnum() or sign in "-_" else "-" for sign in source)
    path = data_home() / "features" / f"{name}-{side}.safetensors"
    if path.is_file():
        return open_features(path)
    space = yield from train_features(train, FEATURE_STEPS)
    save_features(space, path, train)
    return space


def _pictures(data: Dataset, count: int, seed: int) -> Tensor:
    images = data.batch(0, count, seed).images
    assert images is not None
    return images


@dataclass(frozen=True, eq=False)
class _Seen:
    """Pictures as a feature network sees them."""

    features: Tensor
    named: Tensor | None
    """Class numbers (N,), where the network learnt classes."""
    classes: int

    @classmethod
    def of(cls, space: FeatureSpace | Inception, pictures: Tensor) -> "_Seen":
        classes = space.classes if isinstance(space, FeatureSpace) else 0
        named = space.named(pictures) if isinstance(space, FeatureSpace) and classes else None
        return cls(space.of(pictures), named, classes)


def _told(real: _Seen, made: _Seen, name: str) -> Evaluation:
    found = None
    if made.named is not None and real.named is not None:
        found = modes(made.named, real.named, real.classes)
    return Evaluation(
        name,
        frechet=bootstrap(frechet_distance, made.features, real.features),
        kernel=kernel_distance(made.features, real.features, size=min(1000, len(made.features) // 2)),
        spread=manifold(real.features, made.features),
        modes=found,
    )


def _samples(
    model: GenerativeModel[Any], count: int, test: Dataset, seed: int, name: str
) -> Task[tuple[Tensor, float]]:
    """`count` pictures, asked for as the held-out ones are where the model can be asked, and the seconds they took."""
    rng = torch.Generator().manual_seed(seed)
    made: list[Tensor] = []
    spent = 0.0
    for start in range(0, count, AT_ONCE):
        some = min(AT_ONCE, count - start)
        batch = test.batch(start // AT_ONCE, AT_ONCE, seed)
        begun = time.perf_counter()
        made.append((yield from model.sample(model.like(batch, some), rng)).float().cpu())
        spent += time.perf_counter() - begun
        yield Progress(start + some, count, f"sample {name}")
    return torch.cat(made), spent


def _nats(model: GenerativeModel[Any], images: Tensor, seed: int) -> Task[Tensor | None]:
    if not isinstance(model, HasLikelihood):
        return None
    found: Tensor = yield from model.nats(images, torch.Generator().manual_seed(seed))
    return found.cpu()


def _with_costs(row: Evaluation, entry: Entry, nats: Tensor | None, seconds: float) -> Evaluation:
    model, metadata = ready(entry), read_metadata(entry.path)
    kept = (weight for name, weight in model.named_parameters() if name.split(".")[0] not in model.training_only)
    dims = math.prod(model.image_shape)
    return dataclasses.replace(
        row,
        family=metadata.family,
        parameters=sum(weight.numel() for weight in kept),
        nats=None if nats is None else Estimate.of_mean(nats),
        bits_per_dim=None if nats is None else float(nats.mean()) / dims / math.log(2),
        seconds_per_picture=seconds,
        seconds_trained=seconds_trained(entry.path.parent),
    )
