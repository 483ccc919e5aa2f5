"""The keys, beside DeepFaceLab's table."""

import pytest

from figment.core.config import from_dict, to_dict
from figment.core.errors import InputError
from figment.faceswap.merge.keys import ESCAPE, HELP, TAB, State, pressed
from figment.faceswap.merge.settings import Colour, MaskMode, MergeSettings, Mode, Sharpen

DEFAULT = MergeSettings()
OTHER = MergeSettings(blur=100)
START = State((DEFAULT,) * 5, frame=2)
SHIFTED = {";": ":", "[": "{", "]": "}"}
TABLE = [
    ("q", "a", "threshold", 0, 255, 238),
    ("w", "s", "erode", -400, 400, 0),
    ("e", "d", "blur", 0, 400, 0),
    ("r", "f", "motion_blur", 0, 100, 0),
    ("t", "g", "super_resolution", 0, 100, 0),
    ("y", "h", "sharpness", -100, 100, 0),
    ("u", "j", "face_scale", -50, 50, 0),
    ("]", "[", "fit", 0, 100, 100),
    ("i", "k", "denoise", 0, 500, 0),
    ("o", "l", "bicubic_degrade", 0, 100, 0),
    ("p", ";", "colour_degrade", 0, 100, 0),
]


def after(state: State, *keys: str) -> State:
    for key in keys:
        state = pressed(state, key)
    return state


@pytest.mark.parametrize(("more", "less", "field", "low", "high", "default"), TABLE)
def test_pairs_step_within_their_range(more: str, less: str, field: str, low: int, high: int, default: int) -> None:
    assert getattr(DEFAULT, field) == default
    much, little = (SHIFTED.get(key, key.upper()) for key in (more, less))
    start = State((from_dict(MergeSettings, {field: (low + high) // 2}),))
    middle = getattr(start.current, field)
    for keys, wanted in ((more, 1), (less, -1), (much, 5), (little, -5), (more + much, 6)):
        assert getattr(after(start, *keys).current, field) == middle + wanted
    assert getattr(after(State((from_dict(MergeSettings, {field: high - 2}),)), much).current, field) == high
    assert getattr(after(State((from_dict(MergeSettings, {field: low + 2}),)), little).current, field) == low
    with pytest.raises(InputError, match=field):
        from_dict(MergeSettings, {field: high + 1})
    with pytest.raises(InputError, match=field):
        from_dict(MergeSettings, {field: low - 1})


def test_a_fresh_project_starts_as_deepfacelab_does() -> None:
    assert (DEFAULT.mode, DEFAULT.mask, DEFAULT.colour) == (Mode.OVERLAY, MaskMode.PRODUCT, Colour.RCT)


def test_digits_choose_the_mode() -> None:
    modes = [after(START, key).current.mode.value for key in "`123456"]
    assert modes == ["original", "overlay", "hist-match", "seamless", "seamless-hist-match", "raw-rgb", "raw-predict"]


@pytest.mark.parametrize(
    ("key", "field", "kind"), [("x", "mask", MaskMode), ("c", "colour", Colour), ("n", "sharpen", Sharpen)]
)
def test_choices_go_round(key: str, field: str, kind: type[MaskMode] | type[Colour] | type[Sharpen]) -> None:
    seen = [getattr(after(START, *[key] * times).current, field) for times in range(len(kind) + 1)]
    assert set(seen) == set(kind)
    assert seen[0] == seen[-1]


def test_z_counts_what_is_masked_or_all() -> None:
    assert [after(START, *"z" * times).current.masked_histogram for times in range(3)] == [True, False, True]


def test_only_the_frame_shown_changes() -> None:
    assert after(START, "W").settings == (DEFAULT, DEFAULT, MergeSettings(erode=5), DEFAULT, DEFAULT)


@pytest.mark.parametrize(
    ("key", "frame", "changed"),
    [
        (",", 1, {2}),
        ("<", 0, {2}),
        ("m", 1, {1, 2}),
        ("M", 0, {0, 1, 2}),
        (".", 3, {2}),
        ("/", 3, {2, 3}),
        ("?", 2, {2, 3, 4}),
        (">", 2, {2}),
    ],
)
def test_moves_and_what_they_take_along(key: str, frame: int, changed: set[int]) -> None:
    state = after(State((DEFAULT, DEFAULT, OTHER, DEFAULT, DEFAULT), frame=2), key)
    assert state.frame == frame
    assert {number for number, settings in enumerate(state.settings) if settings == OTHER} == changed
    assert state.running == (key == ">")


@pytest.mark.parametrize(("frame", "keys"), [(0, ",<mM"), (4, "./?")])
def test_moves_end_at_the_ends(frame: int, keys: str) -> None:
    state = after(State((DEFAULT,) * 5, frame=frame), *keys)
    assert state == State((DEFAULT,) * 5, frame=frame)


def test_any_key_ends_a_run() -> None:
    assert not after(START, ">", "#").running


def test_looks_and_the_end() -> None:
    assert after(START, "=").zoom > START.zoom > after(START, "-").zoom
    assert after(START, "-", "=") == START
    assert after(START, *"=" * 20, "=").zoom == after(START, *"=" * 20).zoom
    assert [after(START, *"v" * times).checkers for times in range(3)] == [False, True, False]
    assert [after(START, *[TAB] * times).help for times in range(3)] == [False, True, False]
    assert after(START, ESCAPE).ended


def test_other_keys_do_nothing() -> None:
    assert after(START, *"#0789[]bB") == START


def test_help_names_every_key() -> None:
    words = set(HELP.split())
    pairs = {key for row in TABLE for key in row[:2]}
    assert pairs | set("`123456xczn,<mM./?>v-=") | {"tab", "esc"} <= words


def test_settings_survive_a_file() -> None:
    settings = MergeSettings(mode=Mode.SEAMLESS, colour=Colour.SOT, erode=-7)
    assert from_dict(MergeSettings, to_dict(settings)) == settings
    with pytest.raises(InputError, match="mode"):
        from_dict(MergeSettings, {"mode": "seemless"})
