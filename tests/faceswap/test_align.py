"""Faces turned upright: places and paddings by arithmetic, pixels against closed forms and Pillow."""

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from tests.faceswap.made_faces import POINTS, turned

from figment.faceswap.affine import backward, moved
from figment.faceswap.align import MEAN, USED, FaceType, hull_mask, matrix, openings, pose, unwarped, warped

SQUARE = np.array([[16, 16], [48, 16], [48, 48], [16, 48], *[[32, 32]] * 64], np.float32)
"""68 points whose hull is a square."""


def mean_face() -> NDArray[np.float64]:
    """68 points, those that count where a mean face has them, with a jaw about them."""
    points = POINTS.astype(np.float64)
    points[USED] = MEAN
    points[:17, 0] += 0.490127 - 0.5
    return points


def tilted(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points 90 times as large, turned by 0.4 and moved."""
    turn = np.array([[np.cos(0.4), np.sin(0.4)], [-np.sin(0.4), np.cos(0.4)]])
    placed: NDArray[np.float64] = 90 * points @ turn + [130, 75]
    return placed


@pytest.mark.parametrize(
    ("face_type", "side", "raised"),
    [("half", 1, 0), ("mid", 1.190919, 0), ("full", 1.596621, 0), ("whole", 2.131371, 0.07), ("head", 2.979899, 0.5)],
)
def test_each_face_type_shows_its_square_however_the_face_lies(face_type: str, side: float, raised: float) -> None:
    """Sides are 1 + 2 sqrt(2) padding; the corners of the square are the outer corners of its pixels."""
    laid = matrix(tilted(mean_face()), 200, FaceType(face_type))
    corners = tilted(np.array([[0.5 - side / 2, 0.5 - raised - side / 2], [0.5 + side / 2, 0.5 - raised + side / 2]]))
    np.testing.assert_allclose(moved(corners, laid), [[-0.5, -0.5], [199.5, 199.5]], atol=1e-3)


def test_a_picture_twice_as_large_shows_the_same() -> None:
    small, large = (matrix(tilted(mean_face()), size, FaceType.WHOLE) for size in (128, 256))
    np.testing.assert_allclose(moved(SQUARE, large), 2 * moved(SQUARE, small) + 0.5, atol=1e-9)


def test_the_square_of_a_head_makes_room_for_its_back() -> None:
    """The edge of the face on the left is 0.6 nearer to the nose than that on the right: by 0.6 tanh(1.2) / 2."""
    points = mean_face()
    points[:3, 0], points[14:17, 0] = 0.490127 - 0.3, 0.490127 + 0.9
    level, aside = (matrix(shape, 100, FaceType.HEAD) for shape in (mean_face(), points))
    scale = 100 / (1 + 1.4 * np.sqrt(2))
    np.testing.assert_allclose(level[:, 2] - aside[:, 2], [scale * 0.6 * np.tanh(1.2) / 2, 0], atol=1e-3)
    full, same = (matrix(shape, 100, FaceType.FULL) for shape in (mean_face(), points))
    np.testing.assert_array_equal(full, same)


def test_points_come_back_to_the_frame() -> None:
    points = tilted(mean_face())
    laid = matrix(points, 96, FaceType.FULL)
    np.testing.assert_allclose(unwarped(moved(points, laid), laid.astype(np.float32)), points, atol=1e-3)


def waves(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """A picture of three colours, whose finest wave is 12 pixels long."""
    return 128 + 90 * np.stack([np.sin(x / 2), np.cos(y / 2), np.sin((x + y) / 3)], -1)


@pytest.mark.parametrize("scale", [1.7, 1.0, 0.7])
def test_a_warped_picture_is_the_picture_where_the_matrix_says(scale: float) -> None:
    y, x = np.mgrid[:160, :200].astype(float)
    turn = scale * np.array([[np.cos(0.3), -np.sin(0.3)], [np.sin(0.3), np.cos(0.3)]])
    laid = np.concatenate([turn, (31.5 - turn @ [100, 80])[:, None]], 1)
    columns, rows = np.meshgrid(np.arange(64.0), np.arange(64.0))
    places = moved(np.stack([columns, rows], -1), backward(laid))
    expected = waves(places[..., 0], places[..., 1])
    shown = warped(np.rint(waves(x, y)).astype(np.uint8), laid, 64)
    assert np.abs(shown - expected).max() < 4  # bilinear is off by 10 at these waves where it hits half-way


def test_shrinking_is_that_of_pillow() -> None:
    image = np.random.default_rng(0).integers(64, 192, (240, 240, 3), np.uint8)
    third = np.array([[1 / 3, 0, -1 / 3], [0, 1 / 3, -1 / 3]])
    expected = np.asarray(Image.fromarray(image).resize((80, 80), Image.Resampling.LANCZOS)).astype(int)
    assert np.abs(warped(image, third, 80) - expected)[4:-4, 4:-4].max() <= 1


def test_stripes_too_fine_for_the_result_become_grey() -> None:
    """Every other column is white; at 0.45 of the size they would come back as broad stripes."""
    stripes = np.zeros((200, 200, 3), np.uint8)
    stripes[:, ::2] = 255
    shown = warped(stripes, np.array([[0.45, 0, 0], [0, 0.45, 0]]), 90)
    assert np.abs(shown[8:-8, 8:-8].astype(float) - 127.5).max() < 4


def test_outside_of_the_frame_is_black() -> None:
    white = np.full((20, 20, 3), 255, np.uint8)
    shown = warped(white, np.array([[1.0, 0, 10], [0, 1, 10]]), 40)
    assert shown[14:26, 14:26].min() == 255
    assert shown[:6].max() == shown[:, 34:].max() == 0
    assert not warped(white, np.array([[1.0, 0, 1e6], [0, 1, 1e6]]), 8).any()


def test_points_that_span_no_area_have_no_hull() -> None:
    assert not hull_mask(np.full((68, 2), 5.0, np.float32), 64).any()


def test_hull_covers_what_the_landmarks_span() -> None:
    mask = hull_mask(SQUARE, 64)
    assert mask[20:45, 20:45].min() == 1
    assert mask[:15].max() == mask[:, 50:].max() == 0
    assert mask.sum() == pytest.approx(32 * 32, rel=0.02)


def test_poses_are_those_that_the_points_were_turned_by() -> None:
    for degrees in (-60, -20, 0, 35, 70):
        assert np.degrees(pose(turned(degrees, 0)).yaw) == pytest.approx(degrees, abs=1e-3)
        assert np.degrees(pose(turned(0, degrees)).pitch) == pytest.approx(degrees, abs=1e-3)
    tilted = turned(25, 0) @ np.array([[0.8, 0.6], [-0.6, 0.8]], np.float32)
    assert np.degrees(pose(tilted).yaw) == pytest.approx(25, abs=1e-3)
    assert pose(tilted).roll == pytest.approx(np.arctan2(0.6, 0.8), abs=1e-6)


def test_eyes_and_a_mouth_are_open_by_the_width_of_an_eye() -> None:
    points = np.zeros((68, 2))
    points[[36, 39, 42, 45], 0] = 10, 30, 50, 70
    for upper, lower in ((37, 41), (38, 40), (43, 47), (44, 46)):
        points[upper], points[lower] = (20, -3), (20, 3)
    for upper, lower in ((61, 67), (62, 66), (63, 65)):
        points[upper], points[lower] = (40, 50), (40, 58)
    turn = 2 * np.array([[0.8, 0.6], [-0.6, 0.8]])
    for face in (points, points @ turn + 7):
        assert openings(face) == pytest.approx((0.3, 0.4))
    assert np.isfinite(openings(np.zeros((68, 2)))).all()
