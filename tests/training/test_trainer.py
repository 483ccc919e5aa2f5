"""The trainer: what it refuses, what it keeps, and how the learning rate runs."""

import json
import math
import resource
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from figment.core.config import from_dict, to_dict
from figment.core.dataset import Batch, Dataset
from figment.core.errors import InputError, OutputError, TrainingError
from figment.core.task import Progress, finish
from figment.data.datasets import open_dataset
from figment.training.journal import Journal, read_log
from figment.training.recipe import Recipe, Stage
from figment.training.trainer import train

FAMILY = "latent_diffusion"
PEAK = 1e-3  # of the stage "features"


def model_of_digits() -> dict[str, object]:
    tiny = to_dict(import_module(f"figment.families.{FAMILY}").TINY)
    return {**tiny, "autoencoder": {**tiny["autoencoder"], "channels": 1}}


def recipe(seed: int = 0, **changes: object) -> Recipe:
    settings = {"name": "features", "data": "digits", "steps": 12, "batch": 2, "warmup": 4, **changes}
    return Recipe("test", FAMILY, (from_dict(Stage, settings),), model_of_digits(), seed)


def open_digits(_name: str, size: int | None) -> Dataset:
    return open_dataset("digits", size)


class Breaking(Dataset):
    """Digits whose batches are not a number from batch 25 on."""

    name = "breaking"
    image_shape = (1, 32, 32)

    def __init__(self) -> None:
        self.digits = open_dataset("digits", 32)

    def __len__(self) -> int:
        return len(self.digits)

    def batch(self, index: int, size: int, seed: int = 0) -> Batch:
        batch = self.digits.batch(index, size, seed)
        assert batch.images is not None
        return batch if index < 25 else Batch(torch.full_like(batch.images, math.nan), labels=batch.labels)


def learning_rates(folder: Path) -> list[float]:
    """What the optimiser holds after each step of a run that is stopped after every step."""
    found = []
    for step in range(1, 13):
        task = train(recipe(final=0.02), folder, open_digits)
        assert next(task).step == step
        task.close()
        state = torch.load(folder / "state.pt", weights_only=True)
        found.append(state["optimizers"]["features"]["param_groups"][0]["lr"])
    return found


def test_the_learning_rate_rises_in_a_line_and_falls_along_a_cosine(tmp_path: Path) -> None:
    rise = [PEAK * share for share in (0.25, 0.5, 0.75, 1.0)]
    fall = [PEAK * (0.02 + 0.98 * (1 + math.cos(math.pi * eighths / 8)) / 2) for eighths in range(8)]
    assert learning_rates(tmp_path) == pytest.approx(rise + fall)


def test_a_loss_that_is_not_a_number_stops_the_run_and_keeps_the_last_good_state(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"'features' broke down: features loss is nan at step 30"):
        finish(train(recipe(steps=60), tmp_path, lambda *_: Breaking(), save_minutes=0))
    assert_last_good_state_is_kept(tmp_path)


def test_a_broken_state_is_not_saved_when_the_run_is_stopped_before_the_next_check(tmp_path: Path) -> None:
    task = train(recipe(steps=60), tmp_path, lambda *_: Breaking(), save_minutes=0)
    while next(task).step < 28:
        pass
    with pytest.raises(TrainingError, match="a weight is not finite at step 28"):
        task.close()
    assert_last_good_state_is_kept(tmp_path)


def assert_last_good_state_is_kept(folder: Path) -> None:
    state = torch.load(folder / "state.pt", weights_only=True)
    assert state["step"] == 20
    assert all(tensor.isfinite().all() for tensor in state["weights"].values())


@pytest.mark.parametrize(
    ("other", "named"),
    [
        (recipe(seed=1), "seed = 0, not 1"),
        (recipe(steps=13), "features steps = 12, not 13"),
        (recipe(batch=4), "features batch = 2, not 4"),
    ],
)
def test_a_folder_goes_on_only_with_its_own_recipe(tmp_path: Path, other: Recipe, named: str) -> None:
    task = train(recipe(), tmp_path, open_digits)
    next(task)
    task.close()
    with pytest.raises(TrainingError, match=named):
        next(train(other, tmp_path, open_digits))
    assert next(train(recipe(), tmp_path, open_digits)).step == 2


def test_a_damaged_state_is_an_error_with_a_sentence(tmp_path: Path) -> None:
    task = train(recipe(), tmp_path, open_digits)
    next(task)
    task.close()
    (tmp_path / "state.pt").write_bytes(b"not a state at all")
    with pytest.raises(TrainingError, match="cannot be read"):
        next(train(recipe(), tmp_path, open_digits))


def test_a_recipe_must_fit_its_family_and_its_data(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="latent_diffusion has no stage 'flwo'; its stages are: text, features"):
        next(train(recipe(name="flwo"), tmp_path, open_digits))
    coloured = Recipe("test", FAMILY, recipe().stages, to_dict(import_module(f"figment.families.{FAMILY}").TINY))
    with pytest.raises(InputError, match="digits have 1 channels; this model needs 3"):
        next(train(coloured, tmp_path, open_digits))


def test_a_run_leaves_its_recipe_a_log_a_curve_and_weights(tmp_path: Path) -> None:
    weights = finish(train(recipe(), tmp_path, open_digits))
    written = {path.name for path in tmp_path.iterdir()}
    assert written == {"recipe.json", "state.pt", "log.jsonl", "features-curve.png", "model.safetensors"}
    assert weights == tmp_path / "model.safetensors"
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 3, 6, 12]
    assert lines[-1].keys() == {"stage", "step", "time", "features loss", "features gradient", "accuracy"}


def test_a_finished_run_is_left_as_it_is(tmp_path: Path) -> None:
    before = finish(train(recipe(), tmp_path, open_digits)).read_bytes()
    steps: list[Progress] = []
    assert finish(train(recipe(), tmp_path, open_digits), steps.append).read_bytes() == before
    assert steps == []


def test_the_journal_drops_lines_from_beyond_the_step_that_a_run_resumes_at(tmp_path: Path) -> None:
    for stage, steps in (("first", (20, 40)), ("second", (20, 40, 60))):
        journal = Journal(tmp_path, stage, 0)
        for step in steps:
            journal.write(step, {"loss": 1 / step})
    with (tmp_path / "log.jsonl").open("a") as log:
        log.write('{"stage": "second", "st')  # cut off by a crash
    Journal(tmp_path, "second", 40)
    kept = [(line["stage"], line["step"], line["loss"]) for line in read_log(tmp_path)]
    assert kept == [("first", 20, 0.05), ("first", 40, 0.025), ("second", 20, 0.05), ("second", 40, 0.025)]


def test_a_run_can_start_from_published_weights(tmp_path: Path) -> None:
    """It begins with their values, and names their data beside its own; a configuration of its own is refused."""
    first = finish(train(recipe(), tmp_path / "first", open_digits))
    begun = Recipe("more", FAMILY, recipe().stages, start=str(first))
    more = train(begun, tmp_path / "more", open_digits)
    next(more)
    more.close()
    weights = torch.load(tmp_path / "more" / "state.pt", weights_only=True)["weights"]
    published = load_file(first)
    assert all(torch.equal(weights[name], tensor) for name, tensor in published.items() if "text" in name)
    with pytest.raises(InputError, match="configuration of its own"):
        next(train(replace(begun, model=model_of_digits()), tmp_path / "other", open_digits))


def test_a_full_disk_is_an_error_with_a_sentence_and_the_state_before_is_kept(tmp_path: Path) -> None:
    task = train(recipe(), tmp_path, open_digits)
    assert next(task).step == 1  # a snapshot: saved
    next(task)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))  # what a file may hold, as a full disk would have it
    try:
        with pytest.raises(OutputError, match="is the disk full"):
            task.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert torch.load(tmp_path / "state.pt", weights_only=True)["step"] == 1
    assert not list(tmp_path.glob(".*.part"))
    assert next(train(recipe(), tmp_path, open_digits)).step == 2
