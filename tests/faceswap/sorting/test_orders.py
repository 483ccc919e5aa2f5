"""Each order on faces that were made so that it is known."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, uniform_filter1d
from tests.faceswap.made_faces import POINTS, SIZE, face, names, picture, turned

from figment.core.errors import InputError
from figment.core.task import finish
from figment.faceswap import sorting
from figment.faceswap.faceset import Faceset
from figment.faceswap.sorting.blur import sharpness
from figment.faceswap.sorting.choosing import evenly
from figment.faceswap.sorting.motion_blur import laplacian

Pictures = list[NDArray[np.uint8]]


def flat(*color: int) -> NDArray[np.uint8]:
    return np.full((SIZE, SIZE, 3), color, np.uint8)


@pytest.fixture
def build(tmp_path: Path) -> Callable[..., Faceset]:
    """Makes a faceset of faces "0.png", "1.png" and so on."""

    def built(pictures: Pictures, values: list[dict[str, Any]] | None = None) -> Faceset:
        faceset = Faceset(tmp_path)
        for number, image in enumerate(pictures):
            faceset.add(face(f"{number}.png", **{"frame": number, **(values[number] if values else {})}), image)
        return faceset

    return built


def order(faceset: Faceset, label: str, target: int = sorting.TARGET) -> str:
    """The numbers of the faces that are in, in their new order, as one word."""
    finish(sorting.sort(faceset, label, target))
    return "".join(name.removesuffix(".png") for name in names(faceset))


def test_every_order_is_found_by_label_and_by_file_name() -> None:
    assert set(sorting.labels()) == {
        "absolute difference",
        "black",
        "blur",
        "brightness",
        "dissimilar absolute difference",
        "dissimilar histogram",
        "final",
        "final fast",
        "histogram",
        "hue",
        "identity",
        "motion blur",
        "one face",
        "original name",
        "pitch",
        "source size",
        "yaw",
    }
    for label, name in sorting.labels().items():
        assert sorting.find(label) is sorting.find(name) is sorting.find(label.replace(" ", "-"))
        assert sorting.find(label).HELP
    with pytest.raises(InputError, match=r"No order 'size'; there are: absolute difference, .*yaw\."):
        sorting.find("size")


@pytest.mark.parametrize("label", sorted(sorting.labels()))
def test_an_empty_faceset_stays_empty(tmp_path: Path, label: str) -> None:
    assert finish(sorting.sort(Faceset(tmp_path), label)) == 0


def test_blur(build: Callable[..., Faceset]) -> None:
    pictures = [gaussian_filter(picture(), (sigma, sigma, 0)) for sigma in (2, 0, 4, 1)]
    assert order(build(pictures), "blur") == "1302"


def test_sharpness_of_a_chessboard_is_ten_elevenths_whatever_its_contrast() -> None:
    board = (np.indices((SIZE, SIZE)).sum(0) % 2)[..., None].repeat(3, 2).astype(np.uint8)
    middle = face("a.png", landmarks=12 + POINTS * 24)
    assert sharpness(middle, board * 200) == pytest.approx(10 / 11)
    assert sharpness(middle, 90 + board * 20) == pytest.approx(10 / 11)
    assert sharpness(middle, flat(7, 7, 7)) == 0


def test_only_the_face_counts_for_sharpness() -> None:
    small = face("a.png", landmarks=12 + POINTS * 24)
    noisy_round = picture()
    noisy_round[10:38, 10:38] = flat(9, 9, 9)[:28, :28]
    assert sharpness(small, noisy_round) == 0


def test_motion_blur(build: Callable[..., Faceset]) -> None:
    pictures = [uniform_filter1d(picture(), length, axis=1) for length in (9, 1, 21, 15)]
    assert order(build(pictures), "motion blur") == "1032"


def test_the_laplacian_of_a_bowl_is_its_bend() -> None:
    y, x = np.indices((40, 40), float)
    np.testing.assert_allclose(laplacian(x**2 + 3 * y**2 + 5 * x)[12:-12, 12:-12], 2 + 6)


def test_yaw_and_pitch(build: Callable[..., Faceset]) -> None:
    angles = [(30, -10), (-40, 20), (0, 0), (-5, -30)]
    faceset = build([picture()] * 4, [{"landmarks": turned(*angle)} for angle in angles])
    assert order(faceset, "yaw") == "1320"
    assert order(faceset, "pitch") == "1203"


def test_source_size(build: Callable[..., Faceset]) -> None:
    boxes = [(0, 0, 50, 50), (10, 10, 90, 60), (0, 0, 20, 20), (300, 100, 400, 240)]
    faceset = build([picture()] * 4, [{"box": np.array(box, np.float32)} for box in boxes])
    assert order(faceset, "source size") == "3102"


def test_original_name_undoes_the_others(build: Callable[..., Faceset]) -> None:
    faceset = build([flat(level, level, level) for level in (90, 10, 200)])
    assert order(faceset, "brightness") == "201"
    assert order(faceset, "original name") == "012"


def test_one_face_drops_those_that_share_a_frame(build: Callable[..., Faceset]) -> None:
    values = [{"frame": 0}, {"frame": 1}, {"frame": 1, "index": 1}, {"frame": 2}]
    faceset = build([picture()] * 4, values)
    assert order(faceset, "one face") == "03"
    assert {gone.dropped for gone in faceset.faces(dropped=True)} == {"rejected by the order 'one face'"}
    faceset.restore(["1.png", "2.png"])
    assert order(faceset, "original name") == "0123"


def test_histogram_brings_like_colours_together_wherever_they_lie(build: Callable[..., Faceset]) -> None:
    red, blue = flat(200, 10, 10), flat(10, 10, 200)
    red[:8], blue[:8] = 5, 5
    faceset = build([red, blue, red[::-1], blue[::-1]])
    assert order(faceset, "histogram") == "0213"


def test_dissimilar_histogram_puts_the_odd_one_first(build: Callable[..., Faceset]) -> None:
    grey = [flat(90, 90, 90) for _ in range(4)]
    grey[2] = flat(200, 0, 0)
    grey[1][:24] = 200
    assert order(build(grey), "dissimilar histogram") == "2103"


def test_absolute_difference(build: Callable[..., Faceset]) -> None:
    levels = (100, 160, 110, 40)
    faceset = build([flat(level, level, level) for level in levels])
    assert order(faceset, "absolute difference") == "0213"
    assert order(faceset, "original name") == "0123"
    assert order(faceset, "dissimilar absolute difference") == "0132"  # 100, 160, 40, 110: the first of two as far


def test_hue_and_black(build: Callable[..., Faceset]) -> None:
    pictures = [flat(0, 0, 200), flat(200, 10, 0), flat(10, 200, 0), flat(200, 0, 10)]
    for number, rows in enumerate((3, 9, 0, 6)):
        pictures[number][:rows] = 0
    faceset = build(pictures)
    assert order(faceset, "hue") == "3120"
    assert order(faceset, "black") == "2031"


def test_identity_puts_the_commonest_person_first(build: Callable[..., Faceset]) -> None:
    def person(one: float, other: float) -> dict[str, Any]:
        vector = np.array([one, other, 0], np.float32)
        return {"embedding": vector / np.linalg.norm(vector)}

    people = [person(0, 1), person(1, 0.3), person(1, 0.1), person(0.05, 1), person(1, 0.0)]
    faceset = build([picture()] * 5, people)
    assert order(faceset, "identity")[:3] in ("214", "241")
    assert order(faceset, "identity")[3:] == "30"
    faceset.add(face("9.png"), picture())
    with pytest.raises(InputError, match=r"9\.png has no embedding"):
        order(faceset, "identity")


@pytest.mark.parametrize(("sizes", "places"), [([5, 1, 9], 9), ([1, 1, 1], 2), ([4], 9), ([], 3), ([100, 2, 50], 77)])
def test_places_are_shared_out_evenly(sizes: list[int], places: int) -> None:
    shares = evenly(sizes, places)
    assert sum(shares) == min(places, sum(sizes))
    assert all(0 <= share <= size for share, size in zip(shares, sizes, strict=True))
    not_full = [share for share, size in zip(shares, sizes, strict=True) if share < size]
    assert not not_full or max(shares) - min(not_full) <= 1


def test_final_keeps_the_sharpest_of_every_pose(build: Callable[..., Faceset]) -> None:
    """Two poses with 21 faces each, of which one place each: the pool of ten holds those blurred less."""
    values = [{"landmarks": turned(40 if number % 2 else -40, 0)} for number in range(42)]
    pictures = [gaussian_filter(picture(n), (sigma, sigma, 0)) for n, sigma in enumerate(np.linspace(0, 4, 42))]
    faceset = build(pictures, values)
    order(faceset, "final", target=2)
    assert [face.landmarks[30, 0] < 24 for face in faceset.faces()] == [True, False]
    assert all(face.frame < 20 for face in faceset.faces())
    assert len(faceset.faces(dropped=True)) == 40


def test_final_fills_the_target_from_what_is_there_and_spreads_over_pitch(build: Callable[..., Faceset]) -> None:
    values = [{"landmarks": turned(0, 0)}] * 6 + [{"landmarks": turned(0, 40)}] + [{"landmarks": turned(50, 0)}]
    kept = order(build([picture(number) for number in range(8)], values), "final", target=4)
    assert len(kept) == 4
    assert {"6", "7"} <= set(kept)
    assert kept[-1] == "7"


def test_final_fast_goes_by_size(build: Callable[..., Faceset]) -> None:
    values = [{"box": np.array([0, 0, 10 + number, 10], np.float32)} for number in range(12)]
    kept = order(build([picture(number) for number in range(12)], values), "final fast", target=1)
    assert int(kept) >= 2


def test_a_target_below_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="At least 1"):
        finish(sorting.sort(Faceset(tmp_path), "final", 0))
