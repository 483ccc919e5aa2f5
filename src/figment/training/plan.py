"""What `figment train` was asked to do, as a recipe: one from a file, or a plain one for a family."""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from figment import families
from figment.core.errors import InputError
from figment.data.datasets import open_dataset
from figment.training.recipe import Recipe, Stage, read_recipe

__all__ = ["plan"]

STEPS = 2000
BATCH = 32
MOST_WARMUP = 200


def plan(
    what: str,
    *,
    data: Sequence[str] = (),
    preset: str | None = None,
    size: int | None = None,
    settings: Mapping[str, str] = {},
    steps: int | None = None,
    batch: int | None = None,
    seed: int | None = None,
) -> Recipe:
    """The recipe in the file `what`, which must end in .toml, or one that trains every stage of the family `what`.

    `data` names the data set of a family: "scenes" for all stages, "text=words" for one of them. `preset` is one of the
    family's named configurations, and `settings` change fields of it, their values written as in a recipe. Pictures are
    as large as those of the data, or `size` pixels. `steps` and `batch` hold for every stage. A recipe file says all of
    that itself: raises InputError when it is asked for anything, for an unknown family, preset or field, and for a
    stage without data.
    """
    if what.endswith(".toml"):
        options = {"--data": data or None, "--preset": preset, "--size": size, "--set": settings or None}
        _refuse_options(what, {**options, "--steps": steps, "--batch": batch, "--seed": seed})
        return read_recipe(Path(what))
    if what not in families.names():
        known = ", ".join(families.names())
        raise InputError(f"No model family '{what}'; there are: {known}. A recipe is a file that ends in .toml.")
    names = families.stages(what)
    sources = _data_of(names, data)
    length = steps or STEPS
    warmup = min(MOST_WARMUP, length // 10)
    stages = tuple(Stage(name, sources[name], length, batch or BATCH, warmup) for name in names)
    name = f"{what}-{preset}" if preset else what
    model = _model(what, preset, sources[names[-1]], size) | _fields(what, settings)
    return Recipe(name, what, stages, model, seed=seed or 0)


def _model(family: str, preset: str | None, data: str, size: int | None) -> dict[str, Any]:
    """Configuration of a model for pictures as `data` has them, as far as the family leaves that open."""
    chosen = families.preset(family, preset)
    sizes = {"image_size": size} if size else {}
    taken = families.fields(family)
    if {"image_size", "channels"} <= taken:
        opened = open_dataset(data, size)
        if opened.image_shape is None:
            raise InputError(f"{data} has no pictures to train {family} on.")
        sizes = {"channels": opened.image_shape[0], "image_size": size or opened.image_shape[-1]}
        if chosen.get("classes"):
            sizes["classes"] = len(opened.classes)
    return {**chosen, **sizes}


def _fields(family: str, settings: Mapping[str, str]) -> dict[str, Any]:
    known = families.fields(family)
    for name in settings:
        if name not in known:
            raise InputError(f"{family} has no setting '{name}'; there are: {', '.join(sorted(known))}.")
    return {name: _value(text) for name, text in settings.items()}


def _value(text: str) -> Any:
    """As TOML has it; words need no quotes."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _refuse_options(recipe: str, options: Mapping[str, object]) -> None:
    given = [name for name, value in options.items() if value is not None]
    if given:
        raise InputError(f"{recipe} says itself how to train; leave out {', '.join(given)} or change the recipe.")


def _data_of(stages: Sequence[str], data: Sequence[str]) -> dict[str, str]:
    """The data set of every stage: its own where one is given, else the one for all."""
    own: dict[str, str] = {}
    shared: list[str] = []
    for name in data:
        stage, _, chosen = name.partition("=")
        if chosen and stage in stages:
            own[stage] = chosen
        else:
            shared.append(name)
    missing = [stage for stage in stages if stage not in own]
    if missing and len(shared) != 1 and len(stages) == 1:
        raise InputError(f"One data set is needed, not {' and '.join(shared) or 'none'}; give --data NAME.")
    if missing and len(shared) != 1:
        raise InputError(
            f"Stages {', '.join(missing)} need one data set, not {' and '.join(shared) or 'none'}; "
            "give --data NAME for all stages and --data STAGE=NAME for a stage of other needs."
        )
    return {stage: own.get(stage) or shared[0] for stage in stages}
