"""The tokenizer takes any text, keeps its bounds and survives its own JSON."""

import unicodedata

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from figment.core.errors import CheckpointError, InputError
from figment.nn.tokenizer import BYTES, PAD, START, Tokenizer, normalise

COUNTS = {"apple": 9.0, "apples": 4.0, "a red apple": 2.0, "사과": 8.0, "사과를": 3.0, "고양이를": 3.0, "고양이": 5.0}
SMALL = Tokenizer.train(COUNTS, 300)
PACKAGED = Tokenizer.packaged()
anything = st.text(st.characters(exclude_categories=()))  # half surrogate pairs too


def spelled(tokenizer: Tokenizer, tokens: list[int]) -> list[str]:
    """The pieces that `tokens` stand for; bytes and START are left out."""
    first = BYTES + 256
    return [tokenizer.pieces[token - first] for token in tokens if token >= first]


@settings(deadline=None)  # a busy computer is no failure
@given(anything, st.integers(1, 70))
def test_any_text_becomes_at_most_length_known_tokens(text: str, length: int) -> None:
    tokens = PACKAGED.encode(text, length)
    assert tokens[0] == START
    assert len(tokens) <= length
    assert all(START <= token < PACKAGED.size for token in tokens)


@settings(deadline=None)  # a busy computer is no failure
@given(anything)
def test_json_round_trip_encodes_the_same(text: str) -> None:
    again = Tokenizer.from_json(SMALL.to_json())
    assert again.pieces == SMALL.pieces
    assert again.encode(text) == SMALL.encode(text)


@settings(deadline=None)  # a busy computer is no failure
@given(st.text())
def test_letters_are_never_lost(text: str) -> None:
    words = "".join("▁" + word for word in normalise(text).split())
    tokens = SMALL.encode(text, length=10_000)
    first = BYTES + 256
    whole = b"".join(
        SMALL.pieces[token - first].encode() if token >= first else bytes([token - BYTES]) for token in tokens[1:]
    )
    assert whole.decode() == words


def test_case_spaces_and_composition_do_not_matter() -> None:
    decomposed = unicodedata.normalize("NFD", "고양이를")
    assert SMALL.encode("  Apple \n 고양이를 ") == SMALL.encode(f"apple {decomposed}")


def test_training_is_deterministic_and_ignores_the_order_of_texts() -> None:
    backwards = dict(reversed(COUNTS.items()))
    assert Tokenizer.train(backwards, 300).pieces == SMALL.pieces


def test_korean_particle_comes_off_its_stem() -> None:
    assert spelled(PACKAGED, PACKAGED.encode("강아지를")) == ["▁강아지", "를"]


def test_unknown_letter_becomes_its_bytes() -> None:
    assert SMALL.encode("ß")[-2:] == [BYTES + 0xC3, BYTES + 0x9F]


def test_pack_pads_to_the_longest_text() -> None:
    tokens, mask = SMALL.pack(["", "apple 사과", "apple"])
    lengths = [len(SMALL.encode(text)) for text in ("", "apple 사과", "apple")]
    assert tokens.shape == mask.shape == (3, max(lengths))
    assert tokens.dtype == torch.int64
    assert mask.sum(1).tolist() == lengths
    assert (tokens[~mask] == PAD).all()


def test_packaged_vocabulary_fits_a_weights_header() -> None:
    assert PACKAGED.size == 24_576
    assert len(PACKAGED.to_json().encode()) < 400_000


def test_a_vocabulary_has_room_for_bytes() -> None:
    with pytest.raises(InputError, match="more than 258"):
        Tokenizer.train(COUNTS, 100)


@pytest.mark.parametrize("broken", ["", "{}", "[1]", '["a"'])
def test_a_damaged_vocabulary_is_refused(broken: str) -> None:
    with pytest.raises(CheckpointError):
        Tokenizer.from_json(broken)
