"""Subword pieces of English and Korean text: byte-pair vocabulary, longest-match encoding, bytes for all the rest.

The vocabulary is learned by merging the most frequent neighbours (Sennrich et al. 2016); a word is cut from the left
into the longest pieces that the vocabulary holds, so a Korean stem and its particle come apart by themselves:
"사과를" is "▁사과" and "를". Characters outside the vocabulary become their UTF-8 bytes, so no text fails.
"""

import hashlib
import heapq
import json
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.resources import files
from itertools import pairwise

import torch
from torch import Tensor

from figment.core.errors import CheckpointError, InputError

__all__ = ["BYTES", "PAD", "START", "Tokenizer", "normalise"]

PAD = 0
"""Fills rows up to a common length."""
START = 1
"""First token of every text; the only one of the empty text."""
BYTES = 2
"""Token of byte 0; the other 255 follow."""
FIRST_PIECE = BYTES + 256
"""Token of the first piece."""
MARK = "▁"
"""Stands before every word, so that a piece knows whether it starts one."""

Pair = tuple[str, str]


def normalise(text: str) -> str:
    """Lower case, composed (NFC), single spaces: texts that read the same get the same tokens."""
    return " ".join(unicodedata.normalize("NFC", text.lower()).split())


class Tokenizer:
    """Turns text into token numbers: padding, start, 256 bytes, then the pieces."""

    def __init__(self, pieces: Sequence[str]) -> None:
        """`pieces` are distinct and not empty; their order gives the token numbers."""
        self.pieces = tuple(pieces)
        self._numbers = {piece: FIRST_PIECE + index for index, piece in enumerate(self.pieces)}
        if len(self._numbers) != len(self.pieces) or "" in self._numbers:
            raise InputError("A tokenizer's pieces must be distinct and not empty.")
        self._longest = max(map(len, self.pieces), default=0)

    @classmethod
    def train(cls, counts: Mapping[str, float], size: int, least: float = 1.0) -> "Tokenizer":
        """A vocabulary of at most `size` tokens from texts and how often each occurs.

        Characters and pairs that occur fewer than `least` times are left out. Ties are broken by spelling, so the
        same counts give the same pieces.
        """
        if size <= FIRST_PIECE:
            raise InputError(f"A vocabulary needs more than {FIRST_PIECE} tokens, not {size}.")
        words: Counter[str] = Counter()
        for text, count in counts.items():
            for word in normalise(text).split():
                words[MARK + word] += count  # type: ignore[assignment]  # typeshed's Counter holds int only
        return cls(_learn(words, size - FIRST_PIECE, least))

    @classmethod
    def packaged(cls) -> "Tokenizer":
        """The tokenizer of the models that Figment trains: English and Korean."""
        return cls.from_json(files("figment.nn").joinpath("vocabulary.json").read_text(encoding="utf-8"))

    @property
    def size(self) -> int:
        """Number of tokens, padding, start and bytes included."""
        return FIRST_PIECE + len(self.pieces)

    @property
    def digest(self) -> str:
        """First 12 hexadecimal digits of the SHA-256 of the pieces: weights fit one vocabulary only."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:12]

    def encode(self, text: str, length: int = 64) -> list[int]:
        """At most `length` token numbers of `text`, the first of them START; what does not fit is cut off."""
        tokens = [START]
        for word in normalise(text).split():
            for token in self._cut(MARK + word):
                if len(tokens) == length:
                    return tokens
                tokens.append(token)
        return tokens

    def pack(self, texts: Sequence[str], length: int = 64) -> tuple[Tensor, Tensor]:
        """Tokens (B, L) int64 and mask (B, L) bool, True where there is text.

        L is the number of tokens of the longest text, at most `length`.
        """
        rows = [self.encode(text, length) for text in texts]
        tokens = torch.full((len(rows), max(map(len, rows), default=1)), PAD)
        for row, numbers in zip(tokens, rows, strict=True):
            row[: len(numbers)] = torch.tensor(numbers)
        return tokens, tokens != PAD

    def to_json(self) -> str:
        """The pieces as a JSON list."""
        return json.dumps(self.pieces, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> "Tokenizer":
        """The tokenizer that `to_json` wrote. Raises CheckpointError when `text` is something else."""
        try:
            pieces = json.loads(text)
        except ValueError as error:
            raise CheckpointError(f"The vocabulary is not JSON ({error}); copy the weights file again.") from error
        if not isinstance(pieces, list) or not all(isinstance(piece, str) for piece in pieces):
            raise CheckpointError("The vocabulary must be a JSON list of texts; copy the weights file again.")
        return cls(pieces)

    def _cut(self, word: str) -> Iterator[int]:
        start = 0
        while start < len(word):
            for end in range(min(len(word), start + self._longest), start, -1):
                token = self._numbers.get(word[start:end])
                if token is not None:
                    yield token
                    start = end
                    break
            else:
                # "surrogatepass": half a surrogate pair is no text, yet it can be typed and must not fail.
                yield from (BYTES + byte for byte in word[start].encode("utf-8", "surrogatepass"))
                start += 1


def _learn(words: Mapping[str, float], size: int, least: float) -> list[str]:
    """Characters by frequency, then merged pairs by frequency, at most `size` pieces in all."""
    characters: Counter[str] = Counter()
    for word, count in words.items():
        for character in word:
            characters[character] += count  # type: ignore[assignment]  # typeshed's Counter holds int only
    ranked = sorted(characters, key=lambda character: (-characters[character], character))
    pieces = dict.fromkeys([character for character in ranked if characters[character] >= least][:size])
    for piece in _merges(words, least):
        if len(pieces) >= size:
            break
        pieces[piece] = None  # two different pairs can spell the same piece
    return list(pieces)


def _merges(words: Mapping[str, float], least: float) -> Iterator[str]:
    """Byte-pair merges, most frequent first; counts are kept up to date instead of taken anew for each merge."""
    spelled = [list(word) for word in words]
    weights = list(words.values())
    pairs: defaultdict[Pair, float] = defaultdict(float)
    holders: defaultdict[Pair, set[int]] = defaultdict(set)
    for index, parts in enumerate(spelled):
        for pair in _neighbours(parts):
            pairs[pair] += weights[index]
            holders[pair].add(index)
    heap = [(-count, pair) for pair, count in pairs.items()]
    heapq.heapify(heap)
    while heap:
        count, pair = heapq.heappop(heap)
        if -count != pairs[pair]:
            continue  # an entry from before the count changed; a newer one is in the heap
        if -count < least:
            return
        yield "".join(pair)
        changed = set()
        for index in sorted(holders.pop(pair)):
            before = spelled[index]
            spelled[index] = after = _merge(before, pair)
            for sign, parts in ((-1.0, before), (1.0, after)):
                for neighbour in _neighbours(parts):
                    pairs[neighbour] += sign * weights[index]
                    holders[neighbour].add(index)
                    changed.add(neighbour)
        pairs[pair] = 0.0
        for neighbour in sorted(changed):
            heapq.heappush(heap, (-pairs[neighbour], neighbour))


def _neighbours(parts: Sequence[str]) -> Iterable[Pair]:
    return pairwise(parts)


def _merge(parts: Sequence[str], pair: Pair) -> list[str]:
    merged: list[str] = []
    for part in parts:
        if merged and (merged[-1], part) == pair:
            merged[-1] += part
        else:
            merged.append(part)
    return merged
