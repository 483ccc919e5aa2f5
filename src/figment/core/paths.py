"""Names that came from outside, made into paths that cannot leave their folder on any system."""

import re
import unicodedata
from pathlib import Path

from figment.core.errors import InputError

__all__ = ["inside"]

LONGEST_PART, LONGEST_NAME = 200, 1000
"""Bytes (UTF-8) of one part, under the 255 that file systems take, so that a suffix still fits; and of the whole."""

# Windows opens devices by these names, whatever ending follows (Microsoft, "Naming Files, Paths, and Namespaces").
_RESERVED = re.compile(r"(CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(COM|LPT)[0-9¹²³])\s*(\..*)?", re.IGNORECASE)
_FORBIDDEN = frozenset('<>:"|?*\\')
_ESCAPED = re.compile(r"%[0-9a-fA-F]{2}")
# Control, format (which turn the direction of writing), surrogate and private characters; line and paragraph breaks.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def inside(root: Path, name: str) -> Path:
    """The resolved path of `name`, parts divided by "/", in the folder `root`; neither need exist.

    Raises InputError for a name that leaves `root`, through links too, or that not every system can hold.
    """
    problem = _problem(name)
    if problem:
        raise InputError(f"The name {_shown(name)} cannot be used: {problem}.")
    try:
        base = root.resolve()
        path = (base / name).resolve()
    except (OSError, RuntimeError) as error:  # RuntimeError: links that lead in a circle, before Python 3.13
        raise InputError(f"The name {_shown(name)} cannot be used: it leads nowhere.") from error
    if base not in path.parents:
        raise InputError(f"The name {_shown(name)} cannot be used: a link leads out of its folder.")
    return path


def _problem(name: str) -> str | None:
    """What is wrong with `name` as it is written, or None."""
    if any(unicodedata.category(sign) in _HIDDEN for sign in name):
        return "it holds signs that cannot be seen"
    if len(name.encode()) > LONGEST_NAME:
        return f"it is longer than {LONGEST_NAME} bytes"
    if name.startswith("/"):
        return "it is not relative to its folder"
    if _ESCAPED.search(name):
        return "it holds signs written as % and two digits"
    return next((problem for part in name.split("/") if (problem := _part_problem(part))), None)


def _part_problem(part: str) -> str | None:
    if part in ("", ".", ".."):
        return "each part of it must be a name, not empty, '.' or '..'"
    if _FORBIDDEN & set(part):
        return 'none of < > : " | ? * \\ may stand in it'
    if part[0] == " " or part[-1] in " .":
        return "no part of it may begin with a space or end in a space or full stop"
    if _RESERVED.fullmatch(part):
        return f"{part} is a device on Windows"
    if len(part.encode()) > LONGEST_PART:
        return f"a part of it is longer than {LONGEST_PART} bytes"
    return None


def _shown(name: str) -> str:
    """`name` in quotes with hidden signs escaped, shortened."""
    return ascii(name) if len(name) <= 60 else f"{name[:57]!a}..."
