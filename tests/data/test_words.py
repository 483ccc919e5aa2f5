"""Word vectors: the real teacher on a handful of words, alignment against a rotation that is known."""

from pathlib import Path

import numpy as np
import pytest

from figment.core.dataset import Source
from figment.core.errors import DataError
from figment.core.task import Progress, finish
from figment.data.sprite_pack import Concept
from figment.data.word_lists import character, concept_names, frequent_words, vocabulary_counts
from figment.data.word_vectors import align, rotation
from figment.data.words import Words, embed, open_words, write_words

TEXTS = ["dog", "puppy", "car", "강아지", "자동차"]
CONCEPTS = (
    Concept("1f415", "1F415", "Dog", "강아지", ("puppy",), ()),
    Concept("1f697", "1F697", "car", "자동차", (), ("없는 말",)),
)
SOURCE = Source("test", "1", "MIT", 5)


def test_the_data_set_that_is_written_is_the_one_that_opens(tmp_path: Path) -> None:
    reports: list[Progress] = []
    finish(write_words(tmp_path, TEXTS, CONCEPTS, [SOURCE]), reports.append)
    words = open_words(tmp_path)
    assert reports[-1].step == reports[-1].total == 5
    assert words.texts == tuple(TEXTS)
    assert words.sources == (SOURCE,)
    assert words.vectors.shape == (5, 384)
    np.testing.assert_allclose(np.linalg.norm(words.vectors.astype(np.float32), axis=1), 1, atol=1e-3)
    dog, _, car, korean_dog, _ = words.vectors.astype(np.float32)
    assert dog @ korean_dog > car @ korean_dog


def test_a_second_build_takes_over_the_shards_of_the_first(tmp_path: Path) -> None:
    first = finish(embed(TEXTS, tmp_path))
    (shard,) = tmp_path.iterdir()
    np.save(shard, np.zeros((5, 384), np.float16))
    assert np.abs(first).max() > 0
    assert not finish(embed(TEXTS, tmp_path)).any()
    assert finish(embed(TEXTS[:4], tmp_path)).any(axis=1).all()


def test_batches_of_one_epoch_hold_every_text_once_and_are_alike_in_length() -> None:
    texts = ["x" * (1 + number % 16) for number in range(64)]
    words = Words(texts, np.arange(64, dtype=np.float16)[:, None])
    batches = [words.batch(index, 8, seed=3) for index in range(8)]
    numbers = [int(value) for batch in batches if batch.vectors is not None for value in batch.vectors[:, 0]]
    assert sorted(numbers) == list(range(64))
    for batch in batches:
        lengths = [len(text) for text in batch.texts or ()]
        assert max(lengths) - min(lengths) <= 2
    again = words.batch(5, 8, seed=3)
    assert again.texts == batches[5].texts
    assert words.batch(5, 8, seed=4).texts != again.texts


def test_rotation_finds_the_turn_between_two_clouds() -> None:
    rng = np.random.default_rng(0)
    turn, _ = np.linalg.qr(rng.normal(size=(6, 6)))
    cloud = rng.normal(size=(50, 6)).astype(np.float32)
    np.testing.assert_allclose(rotation(cloud, (cloud @ turn).astype(np.float32), stiffness=0), turn, atol=1e-5)


def test_rotation_that_is_stiff_stays_at_rest() -> None:
    rng = np.random.default_rng(0)
    source, target = rng.normal(size=(2, 50, 6)).astype(np.float32)
    np.testing.assert_allclose(rotation(source, target, stiffness=1e6), np.eye(6), atol=1e-4)


def test_alignment_brings_two_names_of_a_concept_together() -> None:
    rng = np.random.default_rng(0)
    meaning = rng.normal(size=(40, 16)).astype(np.float32)
    turn, _ = np.linalg.qr(rng.normal(size=(16, 16)))
    english, korean = [f"word {number}" for number in range(40)], [f"말 {number}" for number in range(40)]
    concepts = [Concept(str(n), "", *pair) for n, pair in enumerate(zip(english, korean, strict=True))][:30]
    raw = np.concatenate([meaning + 3, meaning @ turn - 2]).astype(np.float32)
    placed = align([*english, *korean], raw, concepts)
    similarity = placed[:40] @ placed[40:].T
    assert (similarity[30:].argmax(1) == np.arange(30, 40)).all()  # pairs that the fit has not seen


def test_names_are_normalised_and_include_the_emoji() -> None:
    assert concept_names(CONCEPTS) == ["dog", "강아지", "puppy", "🐕", "car", "자동차", "없는 말", "🚗"]
    assert character(Concept("pickle", "", "pickle", "")) == ""


@pytest.mark.parametrize(("language", "word"), [("en", "apple"), ("ko", "사과")])
def test_frequent_words_come_most_frequent_first(language: str, word: str) -> None:
    words = frequent_words(language, 8000)
    assert len(words) == 8000
    assert word in words
    assert list(words.values()) == sorted(words.values(), reverse=True)


def test_vocabulary_counts_add_up() -> None:
    counts = vocabulary_counts({"dog": 16.0, "the": 4.0}, ["dog"], ["a dog"])
    assert counts == {"dog": 7.0, "the": 2.0, "a dog": 0.5}


def test_missing_data_names_the_command_that_builds_it(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="figment data build words"):
        open_words(tmp_path)


def test_damaged_data_is_refused(tmp_path: Path) -> None:
    finish(write_words(tmp_path, TEXTS, CONCEPTS, [SOURCE]))
    (tmp_path / "texts.json").write_text("[")
    with pytest.raises(DataError, match="damaged"):
        open_words(tmp_path)
