"""What a model family promises.

A family is one file in `figment.families` that exports `Config`, `TINY` (a Config for tests) and `Model`.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Generic, TypeVar

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from figment.core.dataset import Batch, Dataset
from figment.core.errors import InputError
from figment.core.task import Task, finish

__all__ = ["Encodes", "GenerativeModel", "HasLikelihood", "Inpaints", "Interpolates", "Loss", "SampleRequest"]

ConfigT = TypeVar("ConfigT")
NAMED = {
    "prompts": "what a sentence says",
    "negative": "what a sentence does not say",
    "init": "pictures that start from another one",
    "mask": "pictures that are painted anew inside a mask",
    "labels": "a class",
    "height": "another height",
    "width": "another width",
}
"""Fields of a request in words; the others are called by their names."""


@dataclass(frozen=True)
class Loss:
    """One loss of a training step. The trainer steps `optimizer` with it before it asks for the next one."""

    optimizer: str | tuple[str, ...]
    """Name of an optimiser in `GenerativeModel.optimizers(stage)`, or of several that step together."""
    value: Tensor
    """Scalar to be minimised."""
    metrics: Mapping[str, float | Tensor] = field(default_factory=dict)
    """Named scalars for the log."""


@dataclass(frozen=True)
class SampleRequest:
    """What to sample. A family passes over no field but `steps`: what it cannot honour, it refuses."""

    count: int = 1
    """Pictures to make."""
    height: int | None = None
    """Pixels; None for the size that the model was trained at."""
    width: int | None = None
    prompts: tuple[str, ...] = ("",)
    """One caption for all pictures, or one for each."""
    negative: str = ""
    """What the picture should not show; takes the place of the empty prompt in guidance."""
    guidance: float = 3.0
    """Classifier-free guidance scale (Ho & Salimans 2022); 1 turns guidance off."""
    steps: int = 16
    """Network evaluations along the sampling path; families whose path has a length of its own take that."""
    sampler: str = ""
    """Label of one of `figment.nn.samplers`; empty for the family's own choice."""
    labels: tuple[int, ...] = ()
    """Class of all pictures, or one for each; empty for any."""
    init: Tensor | None = None
    """(1 or count, C, H, W) in [-1, 1]: the picture to start from."""
    strength: float = 0.6
    """How much of `init` to redo: 0 keeps it, 1 starts from noise."""
    mask: Tensor | None = None
    """(1 or count, 1, H, W) in [0, 1]: 1 where `init` is to be painted anew."""
    preview: bool = False
    """Decode the picture so far at every step, which costs a decoder run each time."""


class GenerativeModel(nn.Module, ABC, Generic[ConfigT]):
    """A trainable, sampled picture model."""

    stages: ClassVar[tuple[str, ...]] = ("model",)
    """Names of the training stages, in order."""
    training_only: ClassVar[tuple[str, ...]] = ()
    """Child modules that sampling does not need, such as a critic; they stay out of exported weights."""
    sampler: ClassVar[str] = "ancestral"
    """Name of the way that `sample` draws, as pictures record it."""

    def __init__(self, config: ConfigT) -> None:
        super().__init__()
        self.config = config
        self.in_bfloat16 = False
        """Whether `sample` computes its networks in bfloat16; states and sums stay in float32."""

    @property
    @abstractmethod
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of the pictures that `sample` returns."""

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return next(self.parameters()).device

    @abstractmethod
    def optimizers(self, stage: str) -> Mapping[str, Optimizer]:
        """Fresh optimisers of `stage`, by name, with their peak learning rates."""

    @property
    def honours(self) -> frozenset[str]:
        """Optional fields of `SampleRequest` that `sample` heeds, besides `count`, `steps` and `preview`."""
        return frozenset()

    def check(self, request: SampleRequest) -> None:
        """Raise InputError for a field of `request` that is asked for and not among those that this model honours."""
        for entry in fields(request):
            if entry.name in self.honours | {"count", "steps", "preview"}:
                continue
            asked = getattr(request, entry.name)
            if isinstance(asked, Tensor) or asked != entry.default:
                raise InputError(f"This model cannot be asked for {NAMED.get(entry.name, entry.name)}; leave it out.")

    def prepare(self, data: Dataset, stage: str) -> None:
        """Called once before the first step of `stage`: what the weights can take from the data without training."""

    @abstractmethod
    def losses(self, batch: Batch, stage: str) -> Iterator[Loss]:
        """Losses of one step, one per optimiser step, from the global generator that the trainer has seeded."""

    def warning(self, figures: Mapping[str, float]) -> str:
        """What the latest figures of training say is going wrong, in a sentence; empty when nothing is."""
        return ""

    def showcase(self, batch: Batch, stage: str, rng: torch.Generator) -> Tensor | None:
        """Pictures (N, C, H, W) that show how far `stage` has come, or None; here samples."""
        return finish(self.sample(self.like(batch, 16), rng))

    def like(self, batch: Batch, count: int) -> SampleRequest:
        """A request for up to `count` pictures like the first ones of `batch`, as far as they can be asked for."""
        asked: dict[str, Any] = {}
        if batch.texts is not None and "prompts" in self.honours:
            asked["prompts"] = batch.texts[:count]
        if batch.labels is not None and "labels" in self.honours:
            asked["labels"] = tuple(batch.labels[:count].tolist())
        return SampleRequest(len(next(iter(asked.values()), range(count))), **asked)

    @abstractmethod
    def sample(self, request: SampleRequest, rng: torch.Generator) -> Task[Tensor]:
        """Pictures (count, C, H, W) in [-1, 1]; the same request and generator state give the same bytes."""


class Encodes(ABC):
    """A model that turns pictures into latents and back."""

    @abstractmethod
    def encode(self, images: Tensor) -> Tensor:
        """Latents of `images` (B, C, H, W) in [-1, 1]."""

    @abstractmethod
    def decode(self, latents: Tensor) -> Tensor:
        """Pictures (B, C, H, W) in [-1, 1] of `latents`."""


class HasLikelihood(ABC):
    """A model that says how likely it holds pictures to be."""

    @abstractmethod
    def nats(self, images: Tensor, rng: torch.Generator) -> Task[Tensor]:
        """Upper bound (B,) of the negative log-likelihood of 8-bit `images` (B, C, H, W) in [-1, 1], in nats a picture.

        Divided by C * H * W * log(2) these are bits per dimension.
        """


class Interpolates(ABC):
    """A model whose pictures follow from a continuous code, so that there is a way from one picture to another."""

    @abstractmethod
    def path(self, count: int, rng: torch.Generator) -> Task[Tensor]:
        """Pictures (count, C, H, W) in [-1, 1] along the way from one random code to another."""


class Inpaints:
    """A model whose `sample` honours `init`, `strength` and `mask`."""
