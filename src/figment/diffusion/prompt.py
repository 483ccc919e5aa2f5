"""The language of AUTOMATIC1111's prompts: emphasis, words that come and go by step, prompts joined, extra networks.

    (word:1.2) (word) [word]     more and less weight; brackets nest, a backslash makes them plain
    [from:to:when] [to:when]     another word after a step, or after a share of the steps
    [a|b|c]                      another word at every step
    prompt AND prompt :0.5       several prompts, each with a weight
    BREAK                        the rest begins a new chunk of tokens
    <lora:name:0.8>              a network to be applied

What is not well formed is taken literally, as it is there.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

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


# Emphasis

_PIECE = re.compile(r"\\.|[()\[\]]|:\s*([+-]?[.\d]+)\s*\)|[^\\()\[\]:]+|:|\\", re.DOTALL)


def weighted(prompt: str) -> list[Weighted]:
    """`prompt` in pieces of equal weight. Brackets that are left open count to the end."""
    pieces: list[Weighted] = []
    opened: dict[str, list[int]] = {"(": [], "[": []}

    def weigh(start: int, factor: float) -> None:
        pieces[start:] = [Weighted(piece.text, piece.weight * factor) for piece in pieces[start:]]

    for match in _PIECE.finditer(prompt):
        text, weight = match[0], match[1]
        if text.startswith("\\"):
            pieces.append(Weighted(text[1:], 1.0))
        elif text in opened:
            opened[text].append(len(pieces))
        elif weight is not None and opened["("]:
            weigh(opened["("].pop(), float(weight))
        elif text == ")" and opened["("]:
            weigh(opened["("].pop(), MORE)
        elif text == "]" and opened["["]:
            weigh(opened["["].pop(), LESS)
        else:
            pieces += _broken(text)
    for starts, factor in ((opened["("], MORE), (opened["["], LESS)):
        for start in starts:
            weigh(start, factor)
    return _merged(pieces)


def _broken(text: str) -> Iterator[Weighted]:
    for number, part in enumerate(re.split(r"\s*\bBREAK\b\s*", text)):
        if number:
            yield Weighted(BREAK, -1.0)
        yield Weighted(part, 1.0)


def _merged(pieces: Sequence[Weighted]) -> list[Weighted]:
    """Neighbours of one weight as one piece; at least one piece."""
    merged: list[Weighted] = []
    for piece in pieces:
        if merged and merged[-1].weight == piece.weight and piece.weight != -1:
            merged[-1] = Weighted(merged[-1].text + piece.text, piece.weight)
        elif piece.text:
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
_NUMBER = re.compile(r"\s*(\d+\.?\d*|\.\d+)\s*")
_PLAIN = re.compile(r"(?:\\.|[^\\\[\]():|])+|\\", re.DOTALL)


def scheduled(prompt: str, steps: int, *, first_pass: int | None = None) -> list[tuple[int, str]]:
    """The texts of `prompt` over `steps` steps: (3, "a") (10, "b") is "a" up to step 3 and "b" up to step 10.

    In a second pass, after one of `first_pass` steps, numbers go on counting: 1.5 is the middle of the second pass.
    """
    text, _ = _parsed(prompt, 0, inside=False)
    ends = {steps, *_ends(text, steps, first_pass)}
    return [(end, _at(text, end, steps, first_pass)) for end in sorted(ends)]


def _parsed(prompt: str, start: int, *, inside: bool) -> tuple[_Text, int]:
    """Text from `start` to the end or, inside brackets or alternatives, to the sign that ends it; and where it ends."""
    found: list[str | _Scheduled | _Alternate] = []
    place = start
    while place < len(prompt):
        sign = prompt[place]
        if sign in "[(":
            group = _group(prompt, place)
            if group is None and inside:
                break
            nodes, place = ((sign,), place + 1) if group is None else group
            found += nodes
        elif sign in "]):|":
            if inside:
                break
            found.append(sign)
            place += 1
        else:
            match = _PLAIN.match(prompt, place)
            assert match is not None
            found.append(match[0])
            place = match.end()
    return tuple(found), place


def _group(prompt: str, start: int) -> tuple[_Text, int] | None:
    """What the bracket at `start` encloses, and where it ends; None where it is not well formed."""
    parts: list[_Text] = []
    signs: list[str] = []
    place = start + 1
    closing = "]" if prompt[start] == "[" else ")"
    while True:
        part, end = _parsed(prompt, place, inside=True)
        parts.append(part)
        sign = prompt[end : end + 1]
        if sign == closing:
            break
        if sign not in (":", "|"):
            return None
        signs.append(sign)
        place = end + 1
    end += 1
    if closing == "]" and signs and set(signs) == {"|"}:
        return (_Alternate(tuple(parts)),), end
    if closing == "]" and signs in ([":"], [":", ":"]):
        number = _NUMBER.fullmatch(prompt, place, end - 1)
        if number is not None:
            before = parts[0] if len(signs) == 2 else ()
            return (_Scheduled(before, parts[-2], number[1]),), end
    if signs and (closing == "]" or signs != [":"]):
        return None
    middle: _Text = parts[0] if not signs else (*parts[0], ":", *parts[1])
    return (prompt[start], *middle, closing), end


def _ends(text: _Text, steps: int, first_pass: int | None) -> Iterator[int]:
    """Last steps before something changes."""
    for node in text:
        if isinstance(node, _Scheduled):
            when = _step(node.when, steps, first_pass)
            if when >= 1:
                yield when
            yield from _ends(node.before, steps, first_pass)
            yield from _ends(node.after, steps, first_pass)
        elif isinstance(node, _Alternate):
            yield from range(1, steps + 1)


def _step(number: str, steps: int, first_pass: int | None) -> int:
    """The step that a number means: a share of the steps where it has a point."""
    if "." in number:
        return min(steps, int((float(number) - (first_pass is not None)) * steps))
    return min(steps, int(number) - (first_pass or 0))


def _at(text: _Text, step: int, steps: int, first_pass: int | None) -> str:
    said = ""
    for node in text:
        if isinstance(node, str):
            said += node
        elif isinstance(node, _Scheduled):
            now = node.before if step <= _step(node.when, steps, first_pass) else node.after
            said += _at(now, step, steps, first_pass)
        else:
            said += _at(node.options[(step - 1) % len(node.options)], step, steps, first_pass)
    return said


# Several prompts, and extra networks


def joined(prompt: str) -> list[tuple[str, float]]:
    """Prompts that AND joins, each with its weight."""
    found = []
    for part in re.split(r"\bAND\b", prompt):
        match = re.fullmatch(r"(.*?)(?:\s*:\s*([-+]?(?:\d+\.?\d*|\.\d+)))?\s*", part, re.DOTALL)
        assert match is not None
        found.append((match[1], float(match[2]) if match[2] else 1.0))
    return found


def networks(prompt: str) -> tuple[str, list[Network]]:
    """`prompt` without the networks that it names, and those."""
    found: list[Network] = []

    def take(match: re.Match[str]) -> str:
        name, *arguments = match[2].split(":")
        found.append(Network(match[1], name, tuple(arguments)))
        return ""

    return re.sub(r"<(\w+):([^>]+)>", take, prompt), found
