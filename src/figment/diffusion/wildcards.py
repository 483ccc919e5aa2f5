"""Words left open in a prompt: __colour__ becomes a line of colour.txt, another one for every picture."""

import random
import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path

from figment.core.errors import InputError

__all__ = ["expanded", "has_wildcards"]

DEEPEST = 16
"""Lists inside lists, at most: one that names itself never ends."""
_OPEN = re.compile(r"__([\w./-]*?[^\W_][\w./-]*?)__")


def has_wildcards(prompt: str) -> bool:
    """Whether `prompt` leaves words open."""
    return _OPEN.search(prompt) is not None


def expanded(prompt: str, lists: Mapping[str, Path], seed: int) -> str:
    """`prompt` with a random line of a list in place of each name; the same `seed` draws the same lines.

    `lists` are text files by their names, "/" between folders. Empty lines and those that begin with # are passed over;
    lines may leave words open themselves. Raises InputError for a name that is not there, or lists without end.
    """
    rng = random.Random(seed)  # noqa: S311  # a picture's words are no secret
    known = {name.lower(): path for name, path in lists.items()}

    def draw(match: re.Match[str]) -> str:
        name = match[1].lower()
        if name not in known:
            near = get_close_matches(name, known, n=3)
            hint = f"did you mean {' or '.join(near)}?" if near else f"there are: {', '.join(known) or 'none'}."
            raise InputError(f"There is no wildcard list '{match[1]}'; {hint}")
        lines = [line.strip() for line in known[name].read_text(encoding="utf-8", errors="replace").splitlines()]
        choices = [line for line in lines if line and not line.startswith("#")]
        if not choices:
            raise InputError(f"The wildcard list {known[name]} is empty; write a line for each choice.")
        return rng.choice(choices)

    for _ in range(DEEPEST):
        if not has_wildcards(prompt):
            return prompt
        prompt = _OPEN.sub(draw, prompt)
    raise InputError("The wildcard lists of this prompt name one another without end.")
