"""The texts that the text encoder learns from: frequent words of two languages, names of concepts, captions."""

import re
from collections.abc import Iterable, Mapping, Sequence

from figment.data.sprite_pack import Concept
from figment.data.sprite_sets import Scenes
from figment.nn.tokenizer import normalise

__all__ = ["character", "concept_names", "frequent_words", "is_korean", "scene_captions", "vocabulary_counts"]

WORD = {"en": re.compile(r"[a-z]{2,}"), "ko": re.compile(r"[가-힣]+")}
HANGUL = re.compile(r"[ᄀ-ᇿ㄰-㆏가-힣]")
NAME_WEIGHT = 3.0
CAPTION_WEIGHT = 0.5


def is_korean(text: str) -> bool:
    """Whether `text` has a Korean letter."""
    return HANGUL.search(text) is not None


def character(concept: Concept) -> str:
    """The emoji itself, such as "🍎"; empty when Unicode has none."""
    return "".join(chr(int(code, 16)) for code in concept.hexcode.split("-") if code)


def frequent_words(language: str, most: int) -> dict[str, float]:
    """The `most` most frequent words of "en" or "ko", most frequent first, with occurrences in a million words.

    Korean comes cut into stems and endings, as in the texts that were counted.
    """
    from wordfreq import get_frequency_dict  # an optional dependency, which only building the data set needs

    frequencies: Mapping[str, float] = get_frequency_dict(language, wordlist="best")
    words = [word for word in frequencies if WORD[language].fullmatch(word)][:most]
    return {word: 1e6 * frequencies[word] for word in words}


def concept_names(concepts: Iterable[Concept]) -> list[str]:
    """English and Korean labels and tags of `concepts` and the emoji themselves, normalised, each once."""
    names: dict[str, None] = {}
    for concept in concepts:
        said = (concept.label_en, concept.label_ko, *concept.tags_en, *concept.tags_ko, character(concept))
        names.update(dict.fromkeys(normalise(name) for name in said if name))
    return list(names)


def scene_captions(scenes: Scenes, count: int, seed: int) -> list[str]:
    """The different captions among `count` scenes, normalised."""
    captions = (scenes.text(scenes.scene(number, seed), number, seed) for number in range(count))
    return list(dict.fromkeys(map(normalise, captions)))


def vocabulary_counts(words: Mapping[str, float], names: Sequence[str], captions: Sequence[str]) -> dict[str, float]:
    """How much each text weighs in the choice of a vocabulary.

    Frequencies go in by their square root, else the pieces would be spent on the words of the news; a name of
    something that can be drawn counts as much as a word that is met nine times in a million.
    """
    counts = {word: frequency**0.5 for word, frequency in words.items()}
    for weight, texts in ((NAME_WEIGHT, names), (CAPTION_WEIGHT, captions)):
        for text in texts:
            counts[text] = counts.get(text, 0.0) + weight
    return counts
