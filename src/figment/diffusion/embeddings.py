"""Textual inversion: words of one's own, as vectors that stand in a prompt where the embeddings of its tokens would.

Gal et al. 2022, "An Image is Worth One Word". Files are those of AUTOMATIC1111 (.pt), kohya (.safetensors) and
diffusers (.bin, .safetensors).
"""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from figment.core import pickles, weights
from figment.core.errors import CheckpointError
from figment.diffusion.kinds import Base, Kind, Part

__all__ = ["Embedding", "check", "embedding_of", "finite", "opened", "read"]

_WIDTHS: Mapping[tuple[tuple[Part, int], ...], Base] = {
    (("text", 768),): Base.SD1,
    (("text", 1024),): Base.SD2,
    (("text", 768), ("text_2", 1280)): Base.SDXL,
    (("text_2", 1280),): Base.SDXL_REFINER,
}
_SDXL: Mapping[str, Part] = {"clip_l": "text", "clip_g": "text_2"}
_BIG_G = 1280
"""Width of the one encoder that is only ever a "text_2"."""


@dataclass(frozen=True, eq=False)
class Embedding:
    """A word that is not in the vocabulary."""

    name: str
    """What it is called in a prompt."""
    vectors: Mapping[Part, Tensor]
    """(n, width) float32 for each text encoder."""

    @property
    def base(self) -> Base | None:
        """The models it was made for; None for widths that none of them has."""
        return _WIDTHS.get(tuple(sorted((part, vectors.shape[1]) for part, vectors in self.vectors.items())))


def read(path: Path) -> Embedding:
    """The embedding in the file at `path`, by the file's name. Raises CheckpointError."""
    tensors = opened(path)
    finite(path, tensors)
    return embedding_of(path, path.stem, tensors)


def embedding_of(path: Path, name: str, tensors: Mapping[str, Tensor]) -> Embedding:
    """The embedding that `tensors` from the file at `path` make. Raises CheckpointError."""
    found = {part: tensors[key] for key, part in _SDXL.items() if key in tensors}
    if not found:
        found = {"text_2" if only.shape[-1:] == (_BIG_G,) else "text": only for only in [_only(path, tensors)]}
    vectors: dict[Part, Tensor] = {}
    for part, tensor in found.items():
        if tensor.ndim not in (1, 2) or tensor.numel() == 0:
            shape = " x ".join(map(str, tensor.shape))
            raise CheckpointError(f"{path} holds a tensor of {shape}; an embedding has rows, one for each vector.")
        vectors[part] = tensor.float().reshape(-1, tensor.shape[-1])
    return Embedding(name, vectors)


def _only(path: Path, tensors: Mapping[str, Tensor]) -> Tensor:
    """The vectors of a file with one set of them, whoever wrote it."""
    named = {name: tensor for name, tensor in tensors.items() if name.startswith("string_to_param.")}
    named = named or {name: tensors[name] for name in ("emb_params",) if name in tensors} or dict(tensors)
    if len(named) != 1:
        raise CheckpointError(f"{path} holds {len(named)} tensors; an embedding is one, or clip_l and clip_g.")
    return next(iter(named.values()))


def check(embedding: Embedding, kind: Kind) -> None:
    """Raise CheckpointError where `embedding` does not fit the text encoders of a model of this `kind`."""
    texts: tuple[Part, ...] = ("text", "text_2")
    widths = {part: int(kind.configs[part]["hidden_size"]) for part in texts if part in kind.configs}
    has = {part: int(vectors.shape[1]) for part, vectors in embedding.vectors.items()}
    if has == widths:
        return
    named = f"The embedding {embedding.name!r}"
    if embedding.base not in (None, kind.base):
        raise CheckpointError(f"{named} was made for {embedding.base}; this checkpoint is {kind.base}.")
    raise CheckpointError(f"{named} has vectors of width {_listed(has)}; this checkpoint takes {_listed(widths)}.")


def _listed(widths: Mapping[Part, int]) -> str:
    return " and ".join(str(width) for _, width in sorted(widths.items()))


def opened(path: Path) -> dict[str, Tensor]:
    """Tensors of the small model file at `path`, safetensors or pickled. Raises CheckpointError."""
    if weights.identify(path) is weights.Kind.SAFETENSORS:
        return weights.load(path)
    with tempfile.TemporaryDirectory() as folder:
        converted = Path(folder) / "converted.safetensors"
        pickles.convert(path, converted)
        return {name: tensor.clone() for name, tensor in weights.load(converted).items()}


def finite(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Raise CheckpointError where a number in `tensors`, of the file at `path`, is not finite."""
    for name, tensor in tensors.items():
        if not bool(tensor.float().sum().isfinite()):
            raise CheckpointError(f"{path} is damaged: {name} holds numbers that are not finite; get another copy.")
