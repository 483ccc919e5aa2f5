"""Words left open in a prompt, drawn anew for every picture, as AUTOMATIC1111's Dynamic Prompts extension has them.

    __colour__  __clothes/hat__     a line of the list colour, of the list clothes/hat
    {red|green|2::blue}             one of these, blue twice as often
    {2$$red|green|blue}             two different ones, in any order, with ", " between
    {1-2$$ and $$red|green|blue}    one or two of them, with " and " between
    {2$$__colour__}                 two different lines
    # ...                           a comment, to the end of its line

What is drawn may leave words open itself. Braces without a choice, those that do not match, and two underscores within
a word (my__style__v2) are taken as they are.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import accumulate
from pathlib import Path
from random import Random

from figment.core.errors import InputError

__all__ = ["expanded", "has_wildcards"]

DEEPEST = 16
"""Lists and braces inside one another, at most: a list that names itself never ends."""
MOST = 1000
"""Words filled in one prompt, at most: lists that name others ten times over hardly end either."""
LISTED = 10
"""Lists that a message names, at most."""

_NAME = r"__(?=[_./ -]{0,9}[^\W_])(?! )((?:(?!__)[\w./ -])+)(?<! )__"
_OPEN = re.compile(rf"(?<![A-Za-z0-9]){_NAME}|{_NAME}(?![A-Za-z0-9])")
_SIGN = re.compile(rf"{_OPEN.pattern}|\{{")
_COUNT = re.compile(r"\s*(?=-?\d)(\d{0,3})(-?)(\d{0,3})\s*\$\$(?:([^${}]*)\$\$)?")
_WEIGHT = re.compile(r"\s*(\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})::")

_Option = tuple[float, str]
"""A weight and what it is that of."""


def has_wildcards(prompt: str) -> bool:
    """Whether `prompt` leaves words open, or may."""
    chooses = "{" in prompt and "}" in prompt and ("|" in prompt or "$$" in prompt)
    return chooses or _OPEN.search(prompt) is not None


def expanded(prompt: str, lists: Mapping[str, Path], seed: int) -> str:
    """`prompt` with what is drawn in place of what is left open, without comments; the same `seed` draws the same.

    `lists` are text files by their names, "/" between folders; letter case does not matter. Empty lines are passed
    over. Raises InputError for a name that is not there, an empty list, and lists without end.
    """
    known = {name.lower(): path for name, path in lists.items()}
    return _Lot(known, Random(seed)).filled(_uncommented(prompt), 0)  # noqa: S311  # a prompt's words are no secret


@dataclass
class _Lot:
    """One drawing of all words of a prompt."""

    known: Mapping[str, Path]
    random: Random
    """Asked for `random()` alone, whose numbers stay the same in every Python."""
    drawn: int = 0
    read: dict[str, list[_Option]] = field(default_factory=dict)

    def filled(self, text: str, depth: int) -> str:
        """`text`, which stands in `depth` lists or braces, with nothing left open."""
        if depth > DEEPEST:
            raise InputError("The wildcard lists of this prompt name one another without end.")
        ends, said, place = _braces(text), "", 0
        while sign := _SIGN.search(text, place):
            said += text[place : sign.start()]
            place = sign.end()
            if sign[0] != "{":
                said += self._some(self._lines(sign[1] or sign[2]), 1, "", depth)
            elif sign.start() in ends and (choice := self._choice(text[place : ends[sign.start()]], depth)) is not None:
                said, place = said + choice, ends[sign.start()] + 1
            else:
                said += "{"
        return said + text[place:]

    def _choice(self, inner: str, depth: int) -> str | None:
        """What is drawn of the braces around `inner`; None where they hold no choice."""
        count = _COUNT.match(inner)
        options = _options(inner[count.end() :] if count else inner)
        if count is None:
            return None if len(options) == 1 else self._some(options, 1, "", depth)
        alone = _OPEN.fullmatch(options[0][1].strip()) if len(options) == 1 else None
        if alone:
            options = self._lines(alone[1] or alone[2])
        least, to, most, between = count.groups()
        low = min(int(least or 1), len(options))
        high = min(int(most or len(options)), len(options)) if to else low
        number = min(low, high) + int(self._number() * (abs(high - low) + 1))
        return self._some(options, number, ", " if between is None else between, depth)

    def _some(self, options: Sequence[_Option], number: int, between: str, depth: int) -> str:
        """`number` different ones of `options`, each filled."""
        left = [*options]
        found = [left.pop(self._place([weight for weight, _ in left]))[1] for _ in range(number)]
        return between.join(self.filled(option, depth + 1) for option in found)

    def _place(self, weights: Sequence[float]) -> int:
        sums = list(accumulate(weights))
        mark = self._number() * sums[-1]
        return next((place for place, total in enumerate(sums) if mark < total), len(sums) - 1)

    def _number(self) -> float:
        self.drawn += 1
        if self.drawn > MOST:
            raise InputError(f"This prompt leaves more than {MOST} words open, counting those in its wildcard lists.")
        return self.random.random()

    def _lines(self, name: str) -> list[_Option]:
        key = name.lower()
        if key not in self.read:
            if key not in self.known:
                raise InputError(f"There is no wildcard list '{name}'; {_nearest(key, self.known)}.")
            text = _uncommented(self.known[key].read_text(encoding="utf-8-sig", errors="replace"))
            self.read[key] = [_weighed(line.strip()) for line in text.splitlines() if line.strip()]
        if not self.read[key]:
            raise InputError(f"The wildcard list {self.known[key]} is empty; write a line for each choice.")
        return self.read[key]


def _uncommented(text: str) -> str:
    """Without comments, and without the lines that hold nothing else."""
    return re.sub(r"#.*", "", re.sub(r"^#.*\n?", "", text, flags=re.MULTILINE))


def _braces(text: str) -> dict[int, int]:
    """Places of closing braces by those of the opening ones that they match; without those around too many others."""
    opened: list[list[int]] = []
    ends: dict[int, int] = {}
    for sign in re.finditer(r"[{}]", text):
        if sign[0] == "{":
            opened.append([sign.start(), 0])
        elif opened:
            start, within = opened.pop()
            if within < DEEPEST:
                ends[start] = sign.start()
            if opened:
                opened[-1][1] = max(opened[-1][1], within + 1)
    return ends


def _options(inner: str) -> list[_Option]:
    """What | divides, except in braces and in [words|that|take turns]."""
    options, depth = [""], 0
    for part in re.split(r"([\[\]{}|])", inner):
        if part == "|" and depth == 0:
            options.append("")
            continue
        depth = max(0, depth + {"[": 1, "{": 1, "]": -1, "}": -1}.get(part, 0))
        options[-1] += part
    return [_weighed(option) for option in options]


def _weighed(option: str) -> _Option:
    """2::blue as 2 and "blue"; 1 where nothing is said."""
    weight = _WEIGHT.match(option)
    return (float(weight[1]), option[weight.end() :]) if weight else (1.0, option)


def _nearest(name: str, known: Mapping[str, Path]) -> str:
    near = get_close_matches(name, known, n=3)
    if near:
        return f"did you mean {' or '.join(near)}"
    more = f" and {len(known) - LISTED} more" if len(known) > LISTED else ""
    return (
        f"there are: {', '.join([*known][:LISTED])}{more}"
        if known
        else f"write its choices into models/wildcards/{name}.txt"
    )
