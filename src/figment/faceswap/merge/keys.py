"""The keys of an interactive merge: what is shown and set, and what a key makes of it.

    ` 1 2 3 4 5 6  mode          x  mask        ,  frame before       <  first frame
    q a  threshold               c  colours     .  frame after        >  all that remain
    w s  erode                   z  histogram   m  to the frame before with these settings
    e d  blur                       masked      M  to the first frame, all on the way with these settings
    r f  motion blur             n  sharpen     /  to the frame after with these settings
    t g  super-resolution        v  checkers    ?  these settings for all frames that follow
    y h  sharpness               - =  zoom
    u j  face scale              tab  help      i k  denoise          o l  bicubic degrade
    ] [  fit                     esc  end       p ;  colour degrade

The first key of a pair is more, the other less, by 1, or with shift by 5. They are DeepFaceLab's, all but those of fit.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, TypeVar

from figment.core.config import from_dict, schema, to_dict
from figment.faceswap.merge.settings import Colour, MaskMode, MergeSettings, Mode, Sharpen

__all__ = ["ESCAPE", "HELP", "TAB", "State", "pressed"]

E = TypeVar("E", bound=StrEnum)
TAB, ESCAPE = "\t", "\x1b"
HELP = "\n".join((__doc__ or "").splitlines()[2:])
"""What the key for help shows."""
MODES = dict(zip("`123456", Mode, strict=True))
PAIRS = {
    ("q", "a"): "threshold",
    ("w", "s"): "erode",
    ("e", "d"): "blur",
    ("r", "f"): "motion_blur",
    ("t", "g"): "super_resolution",
    ("y", "h"): "sharpness",
    ("u", "j"): "face_scale",
    ("]", "["): "fit",
    ("i", "k"): "denoise",
    ("o", "l"): "bicubic_degrade",
    ("p", ";"): "colour_degrade",
}
"""The key for more, that for less, and what they set."""
SHIFTED = 5
WITH_SHIFT = {";": ":", "[": "{", "]": "}"}
"""What a key that is no letter gives with shift."""
STEPS = {
    key: (field, sign * size)
    for (more, less), field in PAIRS.items()
    for plain, sign in ((more, 1), (less, -1))
    for key, size in ((plain, 1), (WITH_SHIFT.get(plain, plain.upper()), SHIFTED))
}
BOUNDS = {name: field for name, field in schema(MergeSettings)["properties"].items() if "maximum" in field}
ZOOMS = (25, 50, 75, 100, 150, 200, 300, 400)
"""Percent at which a frame is shown."""


@dataclass(frozen=True)
class State:
    """Where an interactive merge stands."""

    settings: tuple[MergeSettings, ...]
    """Of each frame."""
    frame: int = 0
    """The one shown."""
    zoom: int = 100
    """Percent, one of `ZOOMS`."""
    checkers: bool = False
    """The swapped face is shown on a checkerboard instead of the frame."""
    help: bool = False
    """The keys are shown."""
    running: bool = False
    """All frames from the one shown on are to be merged without further keys."""
    ended: bool = False
    """The session is to be kept and left."""

    @property
    def current(self) -> MergeSettings:
        """Those of the frame shown."""
        return self.settings[self.frame]


def pressed(state: State, key: str) -> State:
    """`state` after `key`: one character, `TAB` or `ESCAPE`. Any key ends a run; one without meaning does only that."""
    state = replace(state, running=False)
    changes = _changes(state.current, key)
    if changes:
        return _with(state, state.frame, state.frame + 1, from_dict(MergeSettings, to_dict(state.current) | changes))
    return _looked(_moved(state, key), key)


def _changes(settings: MergeSettings, key: str) -> dict[str, Any]:
    """Fields of the settings that `key` changes, and their new values."""
    if key in MODES:
        return {"mode": MODES[key]}
    if key in STEPS:
        field, step = STEPS[key]
        low, high = BOUNDS[field]["minimum"], BOUNDS[field]["maximum"]
        return {field: min(high, max(low, getattr(settings, field) + step))}
    match key:
        case "x":
            return {"mask": _after(settings.mask, MaskMode)}
        case "c":
            return {"colour": _after(settings.colour, Colour)}
        case "n":
            return {"sharpen": _after(settings.sharpen, Sharpen)}
        case "z":
            return {"masked_histogram": not settings.masked_histogram}
    return {}


def _moved(state: State, key: str) -> State:
    """`state` after a key that goes to another frame or takes settings there."""
    here, last, settings = state.frame, len(state.settings) - 1, state.current
    match key:
        case ",":
            return replace(state, frame=max(0, here - 1))
        case "<":
            return replace(state, frame=0)
        case "m":
            return replace(_with(state, max(0, here - 1), here, settings), frame=max(0, here - 1))
        case "M":
            return replace(_with(state, 0, here, settings), frame=0)
        case ".":
            return replace(state, frame=min(last, here + 1))
        case ">":
            return replace(state, running=True)
        case "/":
            return replace(_with(state, here + 1, here + 2, settings), frame=min(last, here + 1))
        case "?":
            return _with(state, here + 1, last + 1, settings)
    return state


def _looked(state: State, key: str) -> State:
    """`state` after a key that changes how it is shown, or ends it."""
    match key:
        case "-":
            return replace(state, zoom=max((zoom for zoom in ZOOMS if zoom < state.zoom), default=ZOOMS[0]))
        case "=":
            return replace(state, zoom=min((zoom for zoom in ZOOMS if zoom > state.zoom), default=ZOOMS[-1]))
        case "v":
            return replace(state, checkers=not state.checkers)
        case "\t":
            return replace(state, help=not state.help)
        case "\x1b":
            return replace(state, ended=True)
    return state


def _after(value: E, kind: type[E]) -> E:
    """The one that comes after `value`, the first after the last."""
    values = list(kind)
    return values[(values.index(value) + 1) % len(values)]


def _with(state: State, start: int, end: int, settings: MergeSettings) -> State:
    """`state` in which the frames from `start` up to `end` that there are have `settings`."""
    end = min(end, len(state.settings))
    middle = (settings,) * max(0, end - start)
    return replace(state, settings=(*state.settings[:start], *middle, *state.settings[max(start, end) :]))
