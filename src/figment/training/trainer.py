"""One trainer for every family: it seeds, steps, averages, saves and reports; the model brings its own losses.

A run lives in a folder: `recipe.json`, `state.pt` (all that resuming needs), `model.safetensors` (averaged weights
for sampling), `log.jsonl`, and a loss curve. What the model makes so far is a preview in the task's reports. Every step
is seeded from (seed, stage, step) and data is addressed by number, so a run that was stopped anywhere ends with the
same bytes as one that was not.
"""

import math
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from figment import families
from figment.core.checkpoint import Metadata
from figment.core.dataset import Batch, Dataset, Source
from figment.core.errors import InputError, TrainingError
from figment.core.model import GenerativeModel
from figment.core.task import Progress, Task
from figment.nn.ema import Average
from figment.pixels.arrays import from_signed
from figment.pixels.grids import grid
from figment.training.device import Place, pays_in_bfloat16, place
from figment.training.journal import Journal
from figment.training.loading import Ahead
from figment.training.recipe import Recipe
from figment.training.state import RunFolder, State

__all__ = ["snapshots", "train"]

Open = Callable[[str, int | None], Dataset]
LOG_EVERY = 20  # steps; finite losses are checked as often
QUIET = 200  # steps in which a model may still look as if it had collapsed
GROWN = 30  # times the usual norm of a gradient
AVERAGE_EVERY = 8  # steps; a moving average hardly notices, and each update reads and writes every weight


def train(recipe: Recipe, run: Path, open_data: Open, *, save_minutes: float = 5, half: bool = False) -> Task[Path]:
    """Train what `recipe` says in the folder `run`, going on from what it holds; return the path of the weights.

    Closing the task saves first. Raises InputError for a recipe that does not fit its family or its data,
    TrainingError when the folder belongs to another recipe or a loss is no longer finite.
    """
    here = place()
    torch.manual_seed(recipe.seed)
    model, sources = _begin(recipe)
    model.to(here.device)
    _check_stages(recipe, model)
    folder = RunFolder(run, recipe)
    state = folder.resume(model)
    for number, stage in enumerate(recipe.stages):
        data = open_data(stage.data, stage.image_size or model.image_shape[-1])
        _check_channels(data, model)
        sources.update({source.name: source for source in data.sources})
        if number < state.stage:
            continue
        if not state.begun(number):
            model.prepare(data, stage.name)
        session = _Session(model, number, recipe, here, state if number == state.stage else None)
        metadata = _metadata(recipe, model, number, sources.values())
        yield from session.run(data, folder, metadata, save_minutes, half)
    return folder.weights


def snapshots(steps: int) -> frozenset[int]:
    """Steps of a stage after which what the model makes is shown: each twice as far on as the one before."""
    return frozenset(max(1, steps >> halvings) for halvings in range(7))


class _Session:
    """One stage of one run in this process."""

    def __init__(
        self, model: GenerativeModel[Any], number: int, recipe: Recipe, here: Place, saved: State | None
    ) -> None:
        self.model, self.number, self.recipe, self.here = model, number, recipe, here
        self.stage, self.label = recipe.stages[number], recipe.label(number)
        self.optimizers = dict(model.optimizers(self.stage.name))
        self.peaks = {name: [g["lr"] for g in optimizer.param_groups] for name, optimizer in self.optimizers.items()}
        self.low = pays_in_bfloat16(here.device, recipe.precision)
        self.step = 0
        self.figures: dict[str, float] = {}  # the last that were logged
        self.warning = ""
        self.usual: dict[str, float] = {}  # gradient norms, averaged
        self.whole = True  # False in the middle of a step and after a breakdown: no state to save
        self.trained = self._trained()
        self.average = Average(self.trained, self.stage.average)
        if saved is not None and saved.optimizers:
            self.step, self.figures = saved.step, dict(saved.figures)
            self.average.tensors = {name: tensor.to(here.device) for name, tensor in saved.average.items()}
            for name, optimizer in self.optimizers.items():
                optimizer.load_state_dict(saved.optimizers[name])

    def run(self, data: Dataset, folder: RunFolder, metadata: Metadata, save_minutes: float, half: bool) -> Task[None]:
        """Train to the end of the stage; save every `save_minutes`, when closed, and at the end."""
        journal = Journal(folder.path, self.label, self.step, writes=self.here.leads)
        saved_at, saved_step = time.monotonic(), self.step
        shown_at = snapshots(self.stage.steps)
        finished = False
        with Ahead(data, self._batch_size(), self.recipe.seed, self.here) as ahead:
            try:
                while self.step < self.stage.steps:
                    metrics = self._advance(ahead.take(self.step))
                    if self.step % LOG_EVERY == 0 or self.step in shown_at:
                        self.figures = self._finite(metrics)
                        self.warning = self._warn()
                        journal.write(self.step, self.figures, self.warning)
                    late = self.step % LOG_EVERY == 0 and time.monotonic() - saved_at > 60 * save_minutes
                    if late or (self.step in shown_at and self.step < self.stage.steps):
                        self._save(folder, metadata, half)
                        saved_at, saved_step = time.monotonic(), self.step
                        yield self._report(self._show(journal, ahead))
                    else:
                        yield self._report()
                finished = True
            finally:
                if self.whole and (finished or self.step > saved_step):
                    self._save(folder, metadata, half)
        self._adopt_average()
        if self.here.leads:
            folder.save(State(self.number + 1, 0, _cpu(self.model.state_dict())))
            yield self._report(self._show(journal, ahead))

    def _report(self, preview: NDArray[np.uint8] | None = None) -> Progress:
        return Progress(self.step, self.stage.steps, self.label, self.figures, self.warning, preview)

    def _advance(self, batch: Batch) -> Mapping[str, float | Tensor]:
        """One step: every loss of the model, each followed by a step of its optimiser."""
        self.whole = False
        torch.manual_seed(hash((self.recipe.seed, self.number, self.step, self.here.rank)) % 2**63)
        self.model.train()
        rate = self._rate()
        metrics: dict[str, float | Tensor] = {}
        losses = self.model.losses(batch.to(self.here.device), self.stage.name)
        while True:
            with torch.autocast(self.here.device.type, torch.bfloat16, enabled=self.low):
                loss = next(losses, None)
            if loss is None:
                break
            names = (loss.optimizer,) if isinstance(loss.optimizer, str) else loss.optimizer
            norm = self._descend(names, rate, loss.value)
            metrics |= {f"{names[0]} loss": loss.value.detach(), f"{names[0]} gradient": norm, **loss.metrics}
        self.here.average(buffer for buffer in self.model.buffers() if buffer.is_floating_point())
        self.step += 1
        if self.step % AVERAGE_EVERY == 0 or self.step == self.stage.steps:
            self.average.update(self.trained, self.step, self.step % AVERAGE_EVERY or AVERAGE_EVERY)
        self.whole = True
        return metrics

    def _descend(self, names: tuple[str, ...], rate: float, value: Tensor) -> Tensor:
        """Step the optimisers down the gradient of `value`, and return its norm before it was clipped."""
        groups = [group for name in names for group in self.optimizers[name].param_groups]
        parameters = [p for group in groups for p in group["params"]]
        for parameter in parameters:
            parameter.grad = None
        value.backward(inputs=parameters)  # type: ignore[no-untyped-call]
        self.here.average(p.grad for p in parameters if p.grad is not None)
        norm = torch.nn.utils.clip_grad_norm_([p for p in parameters if p.grad is not None], self.stage.clip)
        for group, peak in zip(groups, (peak for name in names for peak in self.peaks[name]), strict=True):
            group["lr"] = peak * rate
        for name in names:
            self.optimizers[name].step()
        return norm

    def _rate(self) -> float:
        """Share of the peak learning rate: a linear rise, then a cosine (Loshchilov & Hutter 2017)."""
        if self.step < self.stage.warmup:
            return (self.step + 1) / self.stage.warmup
        done = (self.step - self.stage.warmup) / max(1, self.stage.steps - self.stage.warmup)
        return self.stage.final + (1 - self.stage.final) * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))

    def _finite(self, metrics: Mapping[str, float | Tensor]) -> dict[str, float]:
        figures = {name: float(v.detach() if isinstance(v, Tensor) else v) for name, v in metrics.items()}
        for name, value in figures.items():
            if not math.isfinite(value):
                raise self._breakdown(f"{name} is {value}")
        return figures

    def _warn(self) -> str:
        """What the latest figures say is going wrong: what the model knows of, and gradients far above their usual."""
        grown = ""
        for name, norm in self.figures.items():
            if not name.endswith(" gradient"):
                continue
            usual = self.usual.setdefault(name, norm)
            if norm > GROWN * usual:
                grown = f"The {name} is over {GROWN} times as large as usual; a lower learning rate may be needed."
            self.usual[name] = 0.9 * usual + 0.1 * min(norm, GROWN * usual)
        return grown if self.step < QUIET else self.model.warning(self.figures) or grown

    def _breakdown(self, what: str) -> TrainingError:
        self.whole = False
        return TrainingError(
            f"Stage '{self.label}' broke down: {what} at step {self.step}. "
            "The folder keeps the last good state; lower the learning rate or train in fp32."
        )

    def _trained(self) -> dict[str, Tensor]:
        """Parameters that this stage trains, and all floating buffers."""
        chosen = {id(p) for o in self.optimizers.values() for group in o.param_groups for p in group["params"]}
        parameters = {name: p for name, p in self.model.named_parameters() if id(p) in chosen}
        return parameters | {name: b for name, b in self.model.named_buffers() if b.is_floating_point()}

    def _save(self, folder: RunFolder, metadata: Metadata, half: bool) -> None:
        """Write state and weights. Raises TrainingError, and writes nothing, when a weight is no longer finite."""
        if not self.here.leads:
            return
        weights = _cpu(self.model.state_dict())
        if not all(bool(tensor.isfinite().all()) for tensor in weights.values()):
            raise self._breakdown("a weight is not finite")
        optimizers = {name: optimizer.state_dict() for name, optimizer in self.optimizers.items()}
        folder.save(State(self.number, self.step, weights, _cpu(self.average.tensors), optimizers, self.figures))
        steps = {**metadata.steps, self.label: self.step}
        self._with_average(lambda: folder.export(self.model, metadata, steps, self.figures, half))

    def _show(self, journal: Journal, ahead: Ahead) -> NDArray[np.uint8] | None:
        """Draw the loss curve; return a sheet of what the averaged weights make of the first captions of the data."""
        if not self.here.leads:
            return None
        journal.draw()
        batch = ahead.first(16).to(self.here.device)
        rng = torch.Generator().manual_seed(self.recipe.seed)
        shown: list[Tensor | None] = []
        self._with_average(lambda: shown.append(self.model.showcase(batch, self.stage.name, rng)))
        if shown[0] is None:
            return None
        pictures = [from_signed(picture.float().cpu().numpy()) for picture in shown[0]]
        return grid(pictures, columns=min(8, len(pictures)))

    def _with_average(self, act: Callable[[], object]) -> None:
        """Run `act` while the model holds its averaged weights in evaluation mode."""
        own = {name: tensor.detach().clone() for name, tensor in self.trained.items()}
        self._adopt_average()
        self.model.eval()
        try:
            act()
        finally:
            _copy(own, self.trained)

    def _adopt_average(self) -> None:
        _copy(self.average.tensors, self.trained)

    def _batch_size(self) -> int:
        if self.stage.batch % self.here.world:
            raise InputError(f"A batch of {self.stage.batch} cannot be split evenly over {self.here.world} processes.")
        return self.stage.batch // self.here.world


def _begin(recipe: Recipe) -> tuple[GenerativeModel[Any], dict[str, Source]]:
    """The model at step 0, and the lineage that it brings along."""
    if not recipe.start:
        return families.build(recipe.family, recipe.model), {}
    model, metadata = families.open_model(Path(recipe.start).expanduser())
    if metadata.family != recipe.family or recipe.model:
        raise InputError(
            f"{recipe.start} is a model of the family {metadata.family} with a configuration of its own; "
            "the recipe must name that family and leave out [model]."
        )
    return model, {source.name: source for source in metadata.sources}


def _check_stages(recipe: Recipe, model: GenerativeModel[Any]) -> None:
    unknown = [stage.name for stage in recipe.stages if stage.name not in model.stages]
    if unknown or not recipe.stages:
        named = f"stage '{unknown[0]}'" if unknown else "recipe without stages"
        raise InputError(f"{recipe.family} has no {named}; its stages are: {', '.join(model.stages)}.")


def _check_channels(data: Dataset, model: GenerativeModel[Any]) -> None:
    wanted = model.image_shape[0]
    if data.image_shape is not None and data.image_shape[0] != wanted:
        raise InputError(f"The pictures of {data.name} have {data.image_shape[0]} channels; this model needs {wanted}.")


@torch.no_grad()
def _copy(source: Mapping[str, Tensor], target: Mapping[str, Tensor]) -> None:
    for name, tensor in source.items():
        target[name].copy_(tensor)


def _cpu(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu() for name, tensor in tensors.items()}


def _metadata(recipe: Recipe, model: GenerativeModel[Any], number: int, sources: Iterable[Any]) -> Metadata:
    steps = {recipe.label(earlier): recipe.stages[earlier].steps for earlier in range(number)}
    return Metadata(recipe.family, families.describe(model), tuple(sources), recipe.name, steps)
