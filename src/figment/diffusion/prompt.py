"""The language of AUTOMATIC1111's prompts: emphasis, words that come and go by step, prompts joined, extra networks.

    (word:1.2) (word) [word]     more and less weight; brackets nest, a backslash makes them plain
    [from:to:when] [to:when]     another word after a step, or after a share of the steps
    [a|b|c]                      another word at every step
    prompt AND prompt :0.5       several prompts, each with a weight
    BREAK                        the rest begins a new chunk of tokens
    <lora:name:0.8>              a network to be applied

What is not well formed is taken literally, as it is there; so is a whole prompt with a | outside of brackets, but for
its weights.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

__all__ = ["BREAK", "Network", "Weighted", "joined", "networks", "scheduled", "weighted"]

MORE, LESS = 1.1, 1 / 1.1
"""What a pair of round and of square brackets multiplies a weight by."""
BREAK = "BREAK"


@dataclass(frozen=True)
class Weighted:
    """A piece of a prompt and its weight; `BREAK`, with weight -1, where a new chunk begins."""

    text: str
    weight: float


@dataclass(frozen=True)
class Network:
    """An extra network that a prompt names: <kind:name:argument:...>."""

    kind: str
    name: str
    arguments: tuple[str, ...]


_DECIMAL = r"(?:\d+(?:\.\d*)?|\.\d+)"


# Emphasis

_PIECE = re.compile(rf"\\[()\[\]\\]|\\|[()\[\]]|:\s*([+-]?{_DECIMAL})\s*\)|[^\\()\[\]:]+|:")


def weighted(prompt: str) -> list[Weighted]:
    """`prompt` in pieces of equal weight. Brackets that are left open count to the end."""
    texts: list[str] = []
    weights: list[float] = []
    opened: dict[str, list[int]] = {"(": [], "[": []}

    def weigh(start: int, factor: float) -> None:
        weights[start:] = [weight * factor for weight in weights[start:]]

    for match in _PIECE.finditer(prompt):
        text, weight = match[0], match[1]
        if text in opened:
            opened[text].append(len(texts))
        elif weight is not None and opened["("]:
            weigh(opened["("].pop(), float(weight))
        elif text == ")" and opened["("]:
            weigh(opened["("].pop(), MORE)
        elif text == "]" and opened["["]:
            weigh(opened["["].pop(), LESS)
        else:
            said = [text[1:]] if text.startswith("\\") else _broken(text)
            texts += said
            weights += [-1.0 if number % 2 else 1.0 for number in range(len(said))]
    for starts, factor in ((opened["("], MORE), (opened["["], LESS)):
        for start in starts:
            weigh(start, factor)
    return _merged([Weighted(*piece) for piece in zip(texts, weights, strict=True)])


def _broken(text: str) -> list[str]:
    """Words, a BREAK, words, and so on."""
    return re.split(r"(?:(?<!\s)\s+)?\b(BREAK)\b\s*", text)


def _merged(pieces: Sequence[Weighted]) -> list[Weighted]:
    """Neighbours of one weight as one piece; at least one piece."""
    merged: list[Weighted] = []
    for piece in pieces:
        if merged and merged[-1].weight == piece.weight:
            merged[-1] = Weighted(merged[-1].text + piece.text, piece.weight)
        else:
            merged.append(piece)
    return merged or [Weighted("", 1.0)]


# Words that come and go


@dataclass(frozen=True)
class _Scheduled:
    before: "_Text"
    after: "_Text"
    when: str


@dataclass(frozen=True)
class _Alternate:
    options: tuple["_Text", ...]


_Text = tuple["str | _Scheduled | _Alternate", ...]
_NUMBER = re.compile(rf"\s*([+-]?{_DECIMAL}(?:[eE][+-]?\d+)?)\s*")
_WORD = re.compile(r"[\[\]():|]|(?:\\.|[^\\\[\]():|])+")
_CLOSING = {"[": "]", "(": ")"}


@dataclass
class _Open:
    """A bracket that is not closed yet, "" for the whole prompt, and what stands in it."""

    sign: str
    nodes: list["str | _Scheduled | _Alternate"] = field(default_factory=list)
    cuts: list[int] = field(default_factory=list)
    """Places of : and | among the nodes."""


def scheduled(prompt: str, steps: int, *, first_pass: int | None = None) -> list[tuple[int, str]]:
    """The texts of `prompt` over `steps` steps: (3, "a") (10, "b") is "a" up to step 3 and "b" up to step 10.

    In a second pass, after one of `first_pass` steps, numbers go on counting: 1.5 is the middle of the second pass.
    """
    text = _parsed(prompt)
    ends = {steps, *_ends(text, steps, first_pass)}
    return [(end, _at(text, end, steps, first_pass)) for end in sorted(ends)]


def _parsed(prompt: str) -> _Text:
    """What a prompt is made of: brackets that are not well formed, and those around them, are words.

    All of it is words where a | stands outside of [a|b], or a backslash at the end of a line.
    """
    words = _WORD.findall(prompt)
    opened = [_Open("")]
    for word in words:
        group = _group(opened[-1], word) if word in _CLOSING.values() else None
        if word in _CLOSING:
            opened.append(_Open(word))
        elif group is not None:
            opened.pop()
            opened[-1].nodes += group
        else:
            if word in (":", "|"):
                opened[-1].cuts.append(len(opened[-1].nodes))
            elif word in _CLOSING.values():
                _give_up(opened)
            opened[-1].nodes.append(word)
    _give_up(opened)
    nodes = opened[0].nodes
    return (prompt,) if "|" in nodes or "".join(words) != prompt else tuple(nodes)


def _give_up(opened: list[_Open]) -> None:
    """Take brackets that cannot be closed as words."""
    for bracket in opened[1:]:
        opened[0].nodes += (bracket.sign, *bracket.nodes)
    del opened[1:]


def _group(bracket: _Open, closing: str) -> _Text | None:
    """What a bracket and its content mean; None where they are not well formed."""
    if _CLOSING.get(bracket.sign) != closing:
        return None
    edges = [-1, *bracket.cuts, len(bracket.nodes)]
    parts = [tuple(bracket.nodes[start + 1 : end]) for start, end in pairwise(edges)]
    signs = "".join(str(bracket.nodes[cut]) for cut in bracket.cuts)
    if closing == "]" and signs and not signs.strip("|"):
        return (_Alternate(tuple(parts)),)
    if closing == "]" and signs in (":", "::"):
        last = parts[-1][0] if len(parts[-1]) == 1 else None
        number = _NUMBER.fullmatch(last) if isinstance(last, str) else None
        return (_Scheduled(parts[0] if signs == "::" else (), parts[-2], number[1]),) if number else None
    return None if signs and (closing == "]" or signs != ":") else (bracket.sign, *bracket.nodes, closing)


def _ends(text: _Text, steps: int, first_pass: int | None) -> Iterator[int]:
    """Last steps before something changes."""
    left = [*text]
    while left:
        node = left.pop()
        if isinstance(node, _Scheduled):
            when = _step(node.when, steps, first_pass)
            if when >= 1:
                yield when
            left += (*node.before, *node.after)
        elif isinstance(node, _Alternate):
            yield from range(1, steps + 1)
            left += (part for option in node.options for part in option)


def _step(number: str, steps: int, first_pass: int | None) -> int:
    """The step that a number means, 0 for all before the first: a share of the steps where it has a point."""
    value = float(number)
    done = first_pass is not None
    step = (value - done) * steps if "." in number else value - (first_pass or 0)
    return int(max(0, min(steps, step)))


def _at(text: _Text, step: int, steps: int, first_pass: int | None) -> str:
    said, left = [], [*reversed(text)]
    while left:
        node = left.pop()
        if isinstance(node, str):
            said.append(node)
        elif isinstance(node, _Scheduled):
            before = step <= _step(node.when, steps, first_pass)
            left += reversed(node.before if before else node.after)
        else:
            left += reversed(node.options[(step - 1) % len(node.options)])
    return "".join(said)


# Several prompts, and extra networks


_SHARE = re.compile(rf"(?<!\s)\s*:\s*([-+]?{_DECIMAL})\s*$")


def joined(prompt: str) -> list[tuple[str, float]]:
    """Prompts that AND joins, each with its weight."""
    found = []
    for part in re.split(r"\bAND\b", prompt):
        weight = _SHARE.search(part)
        found.append((part[: weight.start()], float(weight[1])) if weight else (part.rstrip(), 1.0))
    return found


def networks(prompt: str) -> tuple[str, list[Network]]:
    """`prompt` without the networks that it names, and those."""
    found: list[Network] = []

    def take(match: re.Match[str]) -> str:
        name, *arguments = match[2].split(":")
        found.append(Network(match[1], name, tuple(arguments)))
        return ""

    return re.sub(r"<(\w+):([^>]+)>", take, prompt), found
