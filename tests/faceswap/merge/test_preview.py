"""How a merged frame is shown."""

from pathlib import Path

import numpy as np

from figment.faceswap.merge import Merged
from figment.faceswap.merge.preview import GREYS, SQUARE, shown, write
from figment.pixels.files import load

FRAME = np.random.default_rng(0).integers(0, 256, (40, 64, 3), np.uint8)
MASK = np.zeros((40, 64), np.uint8)
MASK[:, 32:] = 255
MASK[0, 0] = 51


def test_zoom_repeats_pixels_or_makes_fewer() -> None:
    merged = Merged(FRAME, MASK)
    assert np.array_equal(shown(merged, 100, False), FRAME)
    assert np.array_equal(shown(merged, 200, False), FRAME.repeat(2, 0).repeat(2, 1))
    assert shown(merged, 25, False).shape == (10, 16, 3)
    assert shown(Merged(FRAME[:2], MASK[:2]), 25, False).shape == (1, 16, 3)


def test_checkers_show_where_there_is_no_swapped_face() -> None:
    picture = shown(Merged(FRAME, MASK), 100, True)
    assert np.array_equal(picture[:, 32:], FRAME[:, 32:])
    squares = picture[1:, :32].reshape(-1, 3)
    assert set(np.unique(squares)) == set(GREYS)
    assert picture[1, SQUARE - 1, 0] != picture[1, SQUARE, 0] != picture[SQUARE, SQUARE, 0]
    assert np.abs(picture[0, 0] - (0.8 * picture[1, 0] + 0.2 * FRAME[0, 0])).max() <= 0.5


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    write(tmp_path / "a.png", FRAME)
    write(tmp_path / "b.png", MASK)
    assert np.array_equal(load(tmp_path / "a.png"), FRAME)
    assert np.array_equal(load(tmp_path / "b.png", "L"), MASK)
