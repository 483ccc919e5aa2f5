"""The network of a swap learns the faces of both sides of a workspace.

A training saves by time, when it is closed, at Ctrl-C and when the system ends it, and goes on from there with the
same steps that it would have done. A step that breaks down is undone together with those since the last save, and the
rate halved; a step that does not fit into memory is done in parts.
"""

import math
import signal
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from figment.core.config import to_dict
from figment.core.errors import TrainingError
from figment.core.task import Progress, Task
from figment.faceswap.batches import Examples, Faces, Shares, split
from figment.faceswap.descent import EvenAdamW, SparseRMSprop
from figment.faceswap.ending import noted
from figment.faceswap.expression import Following, held
from figment.faceswap.losses import face_loss, likeness, mask_loss
from figment.faceswap.model import SwapModel, SwapNetwork
from figment.faceswap.outlook import steps_to
from figment.faceswap.preview import page
from figment.faceswap.training_files import States, SwapState
from figment.faceswap.training_recipes import PRESETS, Recipe, SwapSettings
from figment.faceswap.workspace import Step, Workspace
from figment.nn.ema import Average
from figment.training.device import Place, pays_in_bfloat16, place
from figment.training.journal import Journal

__all__ = ["Training", "train"]

CHECK_EVERY = 20  # steps; figures are checked and noted as often
AVERAGE_EVERY = 8
WARMUP = 100
LESSON = 400  # most steps, the last, in which the swap learns to follow; else the last tenth
ANEW = 0.6  # share of the peak rate from which it falls once more in them
MATRICES = ("inter.dense1.weight", "inter.dense2.weight")
BREAKDOWNS = 5  # without a save between them


def train(workspace: Workspace, settings: SwapSettings) -> Task[Path]:
    """Train on the facesets of `workspace` to the end, going on from its model; return the path of the weights.

    Raises DataError for a side without faces, TrainingError for a model of another shape and for one that keeps
    breaking down.
    """
    here = place()
    training = Training(workspace, settings, PRESETS[settings.preset], here)
    if here.leads:
        workspace.begin(Step.TRAIN, to_dict(settings))
    try:
        yield from training.run()
    finally:
        if here.leads:
            workspace.note(Step.TRAIN, training.reached)
    if here.leads:
        workspace.finish(Step.TRAIN, training.reached)
    return training.weights


class Training:
    """One sitting of a training in this process."""

    def __init__(self, workspace: Workspace, settings: SwapSettings, recipe: Recipe, here: Place) -> None:
        """Read the faces and the newest state. Raises DataError and TrainingError."""
        self.settings, self.recipe, self.here = settings, recipe, here
        self.folder, self.weights = workspace.model, workspace.model / f"{settings.preset}.safetensors"
        self.states = States(workspace.model, settings.preset, settings.keep)
        sides = [(side.faceset, *split(side.faceset)) for side in (workspace.src, workspace.dst)]
        size, kind = recipe.shape.size, settings.face_type
        self.faces = [Faces(faceset, learnt, size, kind) for faceset, learnt, _ in sides]
        self.kept = [_on(Faces(faceset, back, size, kind).plain(), here) for faceset, _, back in sides]
        self.low = recipe.low and pays_in_bfloat16(here.device, settings.precision)
        self.follow = recipe.follow if settings.follow is None else settings.follow
        self.lesson = settings.iterations - (min(LESSON, settings.iterations // 10) if self.follow else 0)
        self.parts, self.breakdowns = 1, 0
        self.figures: dict[str, float] = {}
        self.warning = ""
        self._restore(self.states.newest())

    def run(self) -> Task[None]:
        """Train to the end of the settings' iterations, and save when closed."""
        journal = Journal(self.folder, self.settings.preset, self.step, writes=self.here.leads)
        saved_at, saved_step, began = time.monotonic(), self.step, (self.step, time.monotonic())
        with noted() as ended:
            try:
                while self._unfinished() and not ended:
                    losses = self._advance()
                    if self.step % CHECK_EVERY == 0 and self._note(losses, began):
                        journal.write(self.step, self.figures, self.warning)
                    late = time.monotonic() - saved_at > 60 * self.settings.save_minutes
                    if late or self.step in (1, 100, 1000):
                        yield self._keep(journal)
                        saved_at, saved_step = time.monotonic(), self.step
                    else:
                        yield Progress(self.step, self.settings.iterations, "train", self.figures, self.warning)
            finally:
                if self.whole and self.step > saved_step:
                    self._save()
        if ended:
            raise KeyboardInterrupt if ended[0] == signal.SIGINT else SystemExit(128 + ended[0])
        yield self._keep(journal)

    @property
    def reached(self) -> dict[str, float]:
        """The step and the last figures."""
        return {"step": self.step, **self.figures}

    def _unfinished(self) -> bool:
        """Whether steps are left to do; at the end, those that turn out to have broken down."""
        if self.step >= self.settings.iterations and not self._sound():
            self._undo()
        return self.step < self.settings.iterations

    def _restore(self, state: SwapState | None) -> None:
        """Stand where `state` does, or at the start."""
        torch.manual_seed(self.settings.seed)
        self.network = SwapNetwork(self.recipe.shape)
        if state is not None and dict(state.shape) != to_dict(self.recipe.shape):
            raise TrainingError(f"The model in {self.folder} has another shape; move it away or name another preset.")
        if state is not None:
            self.network.load_state_dict(dict(state.weights))
        self.network.to(self.here.device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # it is one
        self.tensors = dict(self.network.named_parameters())
        self.optimizer = _optimizer(self.recipe, self.network)
        self.average = Average(self.tensors, self.recipe.average)
        self.step, self.slowed, self.seconds, self.whole = 0, 1.0, 0.0, True
        self.likeness: list[tuple[int, float]] = []
        if state is not None:
            self.step, self.slowed, self.seconds = state.step, state.slowed, state.seconds
            self.likeness = [(step, value) for step, value in state.likeness]
            self._remember(state.optimizer)
            for name, tensor in state.average.items():
                self.average.tensors[name].copy_(tensor)

    def _remember(self, optimizer: Mapping[str, Any]) -> None:
        """Take the momentum of a state, unless an earlier version left it, which moved the weights otherwise."""
        try:
            self.optimizer.load_state_dict(dict(optimizer))
        except ValueError:
            self.warning = (
                "This training was begun by an earlier version; it goes on with its weights and new momentum."
            )

    def _advance(self) -> dict[str, Tensor]:
        """One step, in as many parts as memory asks for."""
        self.whole, began = False, time.monotonic()
        examples = [_on(self._batch(side), self.here) for side in (0, 1)]
        while True:
            try:
                torch.manual_seed(hash((self.settings.seed, self.step)) % 2**63)
                losses = self._descend(examples)
                break
            except RuntimeError as error:
                self._halve(error)
        self.step += 1
        if self.recipe.average and self.step % AVERAGE_EVERY == 0:
            since = self.step - self.lesson if self.step > self.lesson else self.step
            self.average.update(self.tensors, since, AVERAGE_EVERY)
        self.whole, self.seconds = True, self.seconds + time.monotonic() - began
        return losses

    def _batch(self, side: int) -> Examples:
        """The faces of `side` for this step; with `repeat`, every third are those of the step before, not bent."""
        again = self.recipe.repeat and self.step % 3 == 2
        number = (self.step - again) * self.here.world + self.here.rank
        left = max(0.0, 1 - self.step / self.lesson)
        bent = min(1.0, left / self.recipe.taper) if self.recipe.taper else 1.0
        count, seed = max(1, self.settings.batch // self.here.world), (self.settings.seed, side)
        shares, turned = self._shares(side), self.recipe.turned
        return self.faces[side].batch(number, count, seed, shares, turned=turned, bent=0.0 if again else bent)

    def _shares(self, side: int) -> Shares | None:
        """Chances of the faces of `side` in this step; None where they are alike."""
        even = self.faces[side].even if self.settings.even else None
        if not self._follows:
            return even
        rare = self._following.shares[side]
        return rare if even is None else rare * even / (rare * even).sum()

    def _descend(self, examples: list[Examples]) -> dict[str, Tensor]:
        """Step down the gradient of both sides' losses, which are returned."""
        self.optimizer.zero_grad(set_to_none=True)
        totals: dict[str, Tensor] = {}
        for part in range(self.parts):
            pieces = [one.part(part, self.parts) for one in examples]
            losses = {name: loss / self.parts for name, loss in self._losses(pieces).items()}
            torch.stack([*losses.values()]).sum().backward()  # type: ignore[no-untyped-call]
            totals = {name: loss.detach() + totals.get(name, 0.0) for name, loss in losses.items()}
        self.here.average([p.grad for p in self.tensors.values() if p.grad is not None] + [*totals.values()])
        for group in self.optimizer.param_groups:
            group["lr"] = self.recipe.rate * self.slowed * self._rate()
        self.optimizer.step()
        return totals

    def _losses(self, pieces: list[Examples]) -> dict[str, Tensor]:
        network, count, swapped = self.network, len(pieces[0].shown), None
        shown = torch.cat([piece.shown for piece in pieces]).contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.here.device.type, torch.bfloat16, enabled=self.low):
            told = network.inter(network.encoder(shown))
            drawn = [network.decoder_src(told[:count]), network.decoder_dst(told[count:])]
            if self._follows:
                with held(network.decoder_src):
                    swapped = network.decoder_src.face(told[count:])
        finer, eyes = self.recipe.finer, self.settings.eyes
        losses = {
            name: face_loss(face, one.face, one.mask, one.parts, finer=finer, eyes=eyes) + mask_loss(mask, one.mask)
            for name, (face, mask), one in zip(("src loss", "dst loss"), drawn, pieces, strict=True)
        }
        if swapped is not None:
            losses["follow loss"] = self.follow * self._following.loss(swapped, pieces[1].face)
        return losses

    @cached_property
    def _following(self) -> Following:
        return Following(self.faces, self.settings.face_type, self.here.device)

    @property
    def _follows(self) -> bool:
        """Whether the part of the run has begun in which the swap learns to follow."""
        return self.lesson <= self.step < self.settings.iterations

    def _rate(self) -> float:
        """Share of the peak: a linear rise, then a cosine, and another one for what is learnt last.

        Loshchilov & Hutter 2017, "SGDR: stochastic gradient descent with warm restarts".
        """
        if not self.recipe.schedule:
            return 1.0
        if self._follows:
            return ANEW * _fallen((self.step - self.lesson) / (self.settings.iterations - self.lesson))
        return min(1.0, (self.step + 1) / WARMUP) * _fallen(min(1.0, self.step / self.lesson))

    def _halve(self, error: RuntimeError) -> None:
        """Do steps in twice as many parts where `error` says that memory ran out; else raise it."""
        if not isinstance(error, torch.OutOfMemoryError) and "allocate memory" not in str(error):
            raise error
        largest = max(1, self.settings.batch // self.here.world)
        if self.parts >= largest:
            raise TrainingError("A single face does not fit into memory; close other programs.") from error
        self.parts = next(parts for parts in range(2 * self.parts, largest + 1) if largest % parts == 0)
        if self.here.device.type == "cuda":
            torch.cuda.empty_cache()
        self.warning = f"Memory ran out; each step is now done in {self.parts} parts."

    def _note(self, losses: Mapping[str, Tensor], began: tuple[int, float]) -> bool:
        """Take the figures of this step; False where it broke down and all since the last save was undone."""
        figures = {name: float(value) for name, value in losses.items()}
        if not all(math.isfinite(value) for value in figures.values()):
            self._undo()
            return False
        each = (time.monotonic() - began[1]) / max(1, self.step - began[0])
        self.figures |= figures | {"seconds left": each * (self.settings.iterations - self.step)}
        aim = steps_to(self.likeness, self.settings.quality)
        if math.isfinite(aim):
            self.figures["seconds to quality"] = each * max(0.0, aim - self.step)
        return True

    def _undo(self) -> None:
        self.breakdowns += 1
        broken, slowed = self.step, self.slowed / 2
        if self.breakdowns > BREAKDOWNS:
            self.whole = False
            raise TrainingError(f"Training broke down at step {broken} again and again; train in fp32 or anew.")
        self._restore(self.states.newest())
        self.slowed = min(self.slowed, slowed)
        self.warning = f"Step {broken} broke down; training goes on from step {self.step} at half the rate."

    def _keep(self, journal: Journal) -> Progress:
        """Save, judge the faces that were kept back, and report with a preview."""
        picture = None
        if self.here.leads and self._sound():
            network = self._averaged().to(self.here.device)
            self.figures["likeness"] = self._judge(network)
            self._save()
            journal.write(self.step, self.figures, self.warning)
            journal.draw()
            picture = page(network, *self.kept)
        return Progress(self.step, self.settings.iterations, "train", self.figures, self.warning, picture)

    @torch.no_grad()
    def _judge(self, network: SwapNetwork) -> float:
        """Mean likeness of the faces that were kept back, each drawn as its own person."""
        values = []
        for side, kept in zip(("src", "dst"), self.kept, strict=True):
            values.append(likeness(network(kept.face, side)[0], kept.face, kept.mask).mean())
        value = float(torch.stack(values).mean())
        if not self.likeness or self.likeness[-1][0] < self.step:
            self.likeness.append((self.step, value))
        return value

    def _sound(self) -> bool:
        return all(bool(tensor.isfinite().all()) for tensor in self.tensors.values())

    def _averaged(self) -> SwapNetwork:
        """The network with its averaged weights."""
        with torch.device("meta"):
            network = SwapNetwork(self.recipe.shape)
        network.to_empty(device="cpu").load_state_dict(self.average.tensors if self.recipe.average else self.tensors)
        return network.eval()

    def _save(self) -> None:
        """Write state and weights, unless a weight is not finite."""
        if not self.here.leads or not self._sound():
            return
        weights, average = ({n: t.detach().cpu() for n, t in named.items()} for named in self._both())
        shape = to_dict(self.recipe.shape)
        state = SwapState(self.step, weights, average, self.optimizer.state_dict(), shape)
        self.states.save(replace(state, slowed=self.slowed, likeness=self.likeness, seconds=self.seconds))
        SwapModel(self._averaged(), self.settings.face_type).save(self.weights, self.step, self.figures)
        self.breakdowns = 0

    def _both(self) -> tuple[Mapping[str, Tensor], Mapping[str, Tensor]]:
        return self.tensors, (self.average.tensors if self.recipe.average else {})


def _fallen(done: float) -> float:
    """From 1 to 0.02 along a cosine."""
    return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done))


def _optimizer(recipe: Recipe, network: SwapNetwork) -> Optimizer:
    if recipe.optimizer == "rmsprop":
        return SparseRMSprop(network.parameters(), recipe.rate)
    named, chosen = dict(network.named_parameters()), MATRICES if recipe.optimizer == "even adamw" else ()
    matrices = [named.pop(name) for name in chosen]
    return EvenAdamW(matrices, named.values(), recipe.rate)


def _on(examples: Examples, here: Place) -> Examples:
    return Examples(*(tensor.to(here.device, non_blocking=True) for tensor in examples))
