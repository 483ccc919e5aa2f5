"""Names of concepts as they stand in a sentence: English articles and plurals, Korean particles and counters."""

import re

from figment.data.palette import COLOURS
from figment.data.sprite_pack import Concept

__all__ = ["counted_english", "counted_korean", "english", "korean", "with_article", "with_particle"]

NUMBERS_ENGLISH = {2: "two", 3: "three"}
NUMBERS_KOREAN = {1: "한", 2: "두", 3: "세"}
AN = re.compile(r"(?i)(?!uni|use|util|eu|ewe|ufo|ukul|one\b|once)[aeiou]")
PLURAL_ALREADY = re.compile(r"(?<!s)(?<!u)(?<!i)s$")
KOREAN_COLOUR = re.compile(
    r"^(빨간색?|주황색?|노란색?|초록색?|녹색|파란색?|푸른|보라색?|자주색|분홍색?|핑크색?|갈색|검은색?|검정색?|흰색?|하얀색?|회색)\s+"
)
HEAD_ENDS = re.compile(r" (?:with|of|in|on|and|from|behind|without) ")
IRREGULAR = {
    "man": "men",
    "woman": "women",
    "person": "people",
    "child": "children",
    "mouse": "mice",
    "goose": "geese",
    "foot": "feet",
    "tooth": "teeth",
    "leaf": "leaves",
    "knife": "knives",
    "wolf": "wolves",
    "fish": "fish",
    "blowfish": "blowfish",
    "sheep": "sheep",
    "moose": "moose",
    "potato": "potatoes",
    "tomato": "tomatoes",
    "mango": "mangoes",
    "volcano": "volcanoes",
    "ox": "oxen",
    "snowman": "snowmen",
}


def english(concept: Concept, colour: str | None = None) -> str:
    """The English name; `colour` takes the place of a colour in front: "red apple" in blue is "blue apple"."""
    name = _plain_english(concept)
    if colour is None:
        return name
    first, _, rest = name.partition(" ")
    return f"{colour} {rest if first in COLOURS and rest else name}"


def korean(concept: Concept, colour: str | None = None) -> str:
    """The Korean name, or the English one where there is none; `colour` as in `english`."""
    if not concept.label_ko:
        return english(concept, colour)
    kind, colon, what = concept.label_ko.partition(": ")
    name = f"{what} {kind}" if colon else kind
    return name if colour is None else f"{COLOURS[colour].korean} {KOREAN_COLOUR.sub('', name)}"


def with_article(noun: str) -> str:
    """ "an apple", "a cat", but "grapes"."""
    if PLURAL_ALREADY.search(_head(noun)):
        return noun
    return f"an {noun}" if AN.match(noun) else f"a {noun}"


def counted_english(noun: str, count: int) -> str:
    """ "two cats"."""
    head = _head(noun)
    *before, last = head.split(" ")
    return f"{NUMBERS_ENGLISH[count]} {' '.join([*before, _plural(last)])}{noun[len(head) :]}"


def counted_korean(noun: str, concept: Concept, count: int) -> str:
    """ "고양이 두 마리", with the counter of animals, people or things."""
    return f"{noun} {NUMBERS_KOREAN[count]} {_counter(concept)}"


def with_particle(noun: str, after_consonant: str, after_vowel: str) -> str:
    """`noun` with the particle that fits its last sound, such as 이 or 가; 로 stands after ㄹ too."""
    code = ord(noun[-1]) - ord("가")
    final = code % 28 if 0 <= code < 11172 else 0
    takes_vowel_form = final == 0 or (final == 8 and after_vowel == "로")
    return noun + (after_vowel if takes_vowel_form else after_consonant)


def _plain_english(concept: Concept) -> str:
    kind, colon, what = concept.label_en.partition(": ")
    if not colon:
        return kind
    if kind in {"flag", "family", "kiss", "couple with heart"}:
        return f"{kind} of {what}"
    if what == "bald":
        return f"bald {kind}"
    return f"{kind} with {what}" if concept.subgroup == "person" else f"{kind} {what}"


def _head(noun: str) -> str:
    """The part of a noun phrase that takes the plural: "house" in "house with garden"."""
    return HEAD_ENDS.split(noun)[0]


def _plural(word: str) -> str:
    if word in IRREGULAR:
        return IRREGULAR[word]
    if PLURAL_ALREADY.search(word):
        return word
    if re.search(r"(s|x|z|ch|sh)$", word):
        return word + "es"
    return word[:-1] + "ies" if re.search(r"[^aeiou]y$", word) else word + "s"


def _counter(concept: Concept) -> str:
    if concept.subgroup.startswith("animal"):
        return "마리"
    return "명" if concept.subgroup.startswith("person") else "개"
