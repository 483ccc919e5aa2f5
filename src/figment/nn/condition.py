"""What a picture can be asked for by: a class, a caption, or nothing; as one vector for each picture."""

from typing import Literal

import torch
from torch import Tensor, nn

from figment.core.dataset import Batch
from figment.core.errors import DataError, InputError
from figment.core.model import SampleRequest
from figment.nn.text_encoder import TextEncoder, TextEncoderConfig
from figment.nn.tokenizer import Tokenizer

__all__ = ["Condition", "Kind"]

Kind = Literal["none", "class", "caption"]


class Condition(nn.Module):
    """Vectors (B, width) of classes or captions; one of its own stands for anything at all."""

    def __init__(self, kind: Kind, classes: int, text: TextEncoderConfig, width: int) -> None:
        """Raises InputError where the number of classes does not go with the kind."""
        super().__init__()
        if (classes > 0) != (kind == "class"):
            needed = (
                "needs data with classes, and there are none"
                if kind == "class"
                else f"has no use for {classes} classes"
            )
            raise InputError(f"The condition '{kind}' {needed}.")
        self.kind, self.classes, self.length = kind, classes, text.length
        if kind == "class":
            self.label = nn.Embedding(classes + 1, width)  # the last one stands for any class
        if kind == "caption":
            self.tokenizer = Tokenizer.packaged()
            self.text = TextEncoder(text)
            self.text_in = nn.Linear(text.output, width)
            self.no_text = nn.Parameter(torch.zeros(1, text.output))

    @property
    def honours(self) -> frozenset[str]:
        """Fields of a request that say what is wanted."""
        return frozenset({"class": {"labels"}, "caption": {"prompts"}}.get(self.kind, set()))

    def of(self, batch: Batch, count: int, dropout: float) -> Tensor | None:
        """What the `count` pictures of a training batch show, a share `dropout` of them left out; None for no kind.

        Raises DataError for data without what is needed.
        """
        if self.kind == "none":
            return None
        if self.kind == "class":
            if batch.labels is None:
                raise DataError("The condition 'class' needs class labels; the data set has none.")
            keep = torch.rand(count, device=batch.labels.device) >= dropout
            return self._vectors(torch.where(keep, batch.labels, self.classes))
        if batch.texts is None:
            raise DataError("The condition 'caption' needs captions, such as --data sprites has.")
        return self._read(batch.texts, torch.rand(count, device=self.no_text.device) >= dropout)

    def asked(self, request: SampleRequest) -> Tensor | None:
        """What the pictures of `request` should show; without a word or a class, anything. None for no kind.

        Raises InputError for a class that there is not.
        """
        if self.kind == "class":
            labels = request.labels or (self.classes,)
            if any(not 0 <= label < self.classes for label in request.labels):
                raise InputError(f"The classes of this model are 0 to {self.classes - 1}, not {request.labels}.")
            repeated = torch.tensor(labels * (request.count if len(labels) == 1 else 1))
            return self._vectors(repeated.to(self.label.weight.device))
        return self._said(request.prompts, request.count) if self.kind == "caption" else None

    def unasked(self, request: SampleRequest) -> Tensor | None:
        """The other side of guidance: any class, or the negative prompt. None where nothing was asked for."""
        if self.kind == "class" and request.labels:
            return self._vectors(torch.full((request.count,), self.classes, device=self.label.weight.device))
        return self._said((request.negative,), request.count) if self.kind == "caption" else None

    def _vectors(self, labels: Tensor) -> Tensor:
        found: Tensor = self.label(labels)
        return found

    def _said(self, texts: tuple[str, ...], count: int) -> Tensor:
        prompts = texts * (count if len(texts) == 1 else 1)
        return self._read(prompts, torch.tensor([bool(text.strip()) for text in prompts], device=self.no_text.device))

    def _read(self, texts: tuple[str, ...], keep: Tensor) -> Tensor:
        """Vectors of texts; where `keep` (B,) is False, that of no text."""
        ids, seen = self.tokenizer.pack(texts, self.length)
        pooled = self.text(ids.to(keep.device), seen.to(keep.device)).pooled
        scaled = pooled * pooled.shape[1] ** 0.5  # values near one, as linear layers expect them
        found: Tensor = self.text_in(torch.where(keep[:, None], scaled, self.no_text))
        return found
