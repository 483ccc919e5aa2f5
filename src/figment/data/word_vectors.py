"""Sentence vectors of two languages brought into one space.

A multilingual sentence encoder keeps texts of a language together, so a Korean word lies nearer to unrelated Korean
words than to its English translation. Three steps undo most of that, fitted on the English and Korean names of the
same concepts: each language is centred on its own mean, Korean is rotated onto English (orthogonal Procrustes,
Artetxe et al. 2016), and the two labels of a concept and its emoji are drawn towards what all its names
say.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from figment.data.sprite_pack import Concept
from figment.data.word_lists import character, is_korean
from figment.nn.tokenizer import normalise

__all__ = ["align", "rotation"]

Vectors = NDArray[np.float32]

STIFFNESS = 0.001
"""Pull of the rotation towards doing nothing, for directions that the names say little of."""
BLEND = 0.5
"""Share of the concept's centre in the vectors of its labels and its emoji."""


def align(texts: Sequence[str], vectors: Vectors, concepts: Iterable[Concept]) -> Vectors:
    """Unit vectors (N, D) of normalised `texts` in one space for both languages, from the teacher's (N, D).

    `concepts` whose names are not among `texts` are passed over.
    """
    korean = np.array([is_korean(text) for text in texts])
    placed = np.array(vectors, dtype=np.float32)
    for language in (korean, ~korean):
        if language.any():
            placed[language] = _unit(placed[language] - placed[language].mean(0))
    rows = {text: row for row, text in enumerate(texts)}
    names = [found for concept in concepts if (found := _find(concept, rows))]
    if not names:
        return placed
    english, translated = [name.english for name in names], [name.korean for name in names]
    turn = rotation(_heads_and_centres(translated, placed), _heads_and_centres(english, placed))
    placed[korean] = placed[korean] @ turn
    centres = _unit(_centres(english, placed) + _centres(translated, placed))
    drawn = placed.copy()
    for name, centre in zip(names, centres, strict=True):
        drawn[list(name.titles)] += BLEND * centre
    return _unit(drawn)


def rotation(source: Vectors, target: Vectors, stiffness: float = STIFFNESS) -> Vectors:
    """The orthogonal (D, D) matrix R for which the unit rows of `source` @ R come nearest to those of `target`.

    `stiffness` counts as so much mean agreement of every direction with itself.
    """
    cross = source.T @ target
    u, _, v = np.linalg.svd(cross / len(source) + stiffness * np.eye(len(cross), dtype=cross.dtype))
    turn: Vectors = (u @ v).astype(np.float32)
    return turn


class _Names(NamedTuple):
    """Rows of a concept's names."""

    english: list[int]
    """Label, then tags."""
    korean: list[int]
    titles: set[int]
    """Both labels and the emoji itself."""


def _find(concept: Concept, rows: Mapping[str, int]) -> _Names | None:
    """Where the names of `concept` are; None when a label is missing."""
    english = [normalise(name) for name in (concept.label_en, *concept.tags_en)]
    korean = [normalise(name) for name in (concept.label_ko, *concept.tags_ko)]
    if english[0] not in rows or korean[0] not in rows:
        return None
    titles = (english[0], korean[0], normalise(character(concept)))
    left, right, top = ([rows[name] for name in some if name in rows] for some in (english, korean, titles))
    return _Names(left, right, set(top))


def _heads_and_centres(names: Sequence[Sequence[int]], vectors: Vectors) -> Vectors:
    """(2 * concepts, D): the vectors of the labels, then the centres of all names."""
    return np.concatenate([vectors[[rows[0] for rows in names]], _centres(names, vectors)])


def _centres(names: Sequence[Sequence[int]], vectors: Vectors) -> Vectors:
    """(concepts, D): unit vectors to the middle of each concept's names."""
    return _unit(np.stack([vectors[list(rows)].mean(0) for rows in names]))


def _unit(vectors: Vectors) -> Vectors:
    scaled: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return scaled
