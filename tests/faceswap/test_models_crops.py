"""Crops and boxes against closed forms."""

import numpy as np
import pytest
import torch

from figment.faceswap.affine import backward, moved, similarity
from figment.faceswap.faces import Found
from figment.faceswap.models import anchors, crops


def ramp(height: int, width: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Red grows to the right by 1 a pixel, green downwards; blue is half-way."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([columns, rows, np.full_like(rows, 128)], -1).astype(np.uint8)


def test_similarity_is_found_again() -> None:
    points = np.random.default_rng(0).normal(size=(5, 2)) * 50
    matrix = np.array([[1.2, -0.5, 7], [0.5, 1.2, -3]])
    np.testing.assert_allclose(similarity(points, moved(points, matrix)), matrix, atol=1e-9)


def test_similarity_does_not_mirror() -> None:
    """Mirrored points are met without turning inside out."""
    points = np.array([[0.0, 0], [1, 0], [0, 1]])
    matrix = similarity(points, points * [-1, 1])
    assert np.linalg.det(matrix[:, :2]) >= 0


@pytest.mark.parametrize("angle", [0.0, 0.4, -2.0, np.pi])
def test_crop_is_level_and_holds_what_it_is_put_around(angle: float) -> None:
    across = np.array([np.cos(angle), np.sin(angle)]) * 30
    down = np.array([-np.sin(angle), np.cos(angle)]) * 20
    middle = np.array([100.0, 80])
    corners = np.array([middle - across - down, middle + across - down, middle + across + down, middle - across + down])
    placed = moved(corners, crops.around(corners, angle, 96, room=1.5))
    half = 96 / 1.5 / 2
    expected = np.array([[-half, -half * 2 / 3], [half, -half * 2 / 3], [half, half * 2 / 3], [-half, half * 2 / 3]])
    np.testing.assert_allclose(placed, expected + 47.5, atol=1e-9)


@pytest.mark.parametrize("scale", [0.21, 0.35, 0.8, 1.0, 2.5])
def test_crops_show_each_place_where_the_matrix_says(scale: float) -> None:
    """A picture whose colours tell their place: in the crop they tell what the matrix undone tells."""
    turn = scale * np.array([[np.cos(0.5), -np.sin(0.5)], [np.sin(0.5), np.cos(0.5)]])
    size = 32
    matrix = np.concatenate([turn, ((size - 1) / 2 - turn @ [120, 110])[:, None]], 1)
    crop = crops.cropped(ramp(220, 250), matrix, size)
    rows, columns = np.mgrid[:size, :size]
    expected = moved(np.stack([columns, rows], -1).astype(float), backward(matrix))
    inside = ((expected > 12) & (expected < [238, 208])).all(-1)
    assert inside.sum() > 150
    difference = crop[:2].permute(1, 2, 0).numpy() - expected
    assert np.abs(difference[inside]).max() < 0.01
    assert torch.allclose(crop[2], torch.tensor(128.0))


def test_beyond_the_frame_its_edge_goes_on() -> None:
    crop = crops.cropped(ramp(40, 40), np.array([[1.0, 0, 100], [0, 1, 0]]), 32)
    assert torch.equal(crop[0], torch.zeros(32, 32))
    crop = crops.cropped(ramp(40, 40), np.array([[1.0, 0, -500], [0, 1, -500]]), 32)
    assert torch.equal(crop[0], torch.full((32, 32), 39.0))


@pytest.mark.parametrize(("height", "width"), [(60, 120), (120, 60), (90, 90)])
def test_letterbox_tells_where_its_pixels_come_from(height: int, width: int) -> None:
    boxed, factor, corner = crops.letterboxed(ramp(height, width)[None], 30)
    assert boxed.shape == (1, 3, 30, 30)
    rows, columns = np.nonzero(boxed[0, 2].numpy() == 128)
    middle = len(rows) // 2
    row, column = rows[middle], columns[middle]
    place = (np.array([column, row]) + 0.5) * factor + corner
    told = boxed[0, :2, row, column].numpy()
    np.testing.assert_allclose(told, place, atol=0.6)  # colours are rounded
    assert (boxed[0, 2].numpy() == 128).sum() == len(rows) == max(round(height / factor), 1) * round(width / factor)


def test_centres_of_grids_go_row_by_row() -> None:
    centres = anchors.centres(((2, 1), (1, 2)))
    expected = [[0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.75], [0.5, 0.5], [0.5, 0.5]]
    np.testing.assert_array_equal(centres, expected)


def test_boxes_that_overlap_are_averaged_by_their_scores() -> None:
    values = np.zeros((4, 16), np.float32)
    values[:, :4] = [[50, 50, 20, 20], [52, 50, 20, 20], [200, 50, 20, 20], [50, 50, 20, 20]]
    values[:, 4:] = np.array([[1], [4], [9], [100]])
    faces = anchors.faces(values, np.array([0.9, 0.6, 0.95, 0.1], np.float32), 0.5)
    assert [face.score for face in faces] == pytest.approx([0.95, 0.9])
    np.testing.assert_allclose(faces[1].box, [40.8, 40, 60.8, 60], rtol=1e-6)  # (50 * 0.9 + 52 * 0.6) / 1.5 = 50.8
    np.testing.assert_allclose(faces[1].points, np.full((6, 2), 2.2), rtol=1e-6)


def test_found_tells_its_size_and_angle() -> None:
    face = Found(np.array([0, 10, 30, 30], np.float32), 1.0, np.array([[10, 10], [10, 20]], np.float32))
    assert face.size == 30
    assert face.angle == pytest.approx(np.pi / 2)
    np.testing.assert_allclose(face.corners, [[30, 5], [0, 35]], atol=1e-4)  # turned by a quarter


def test_a_ribbon_keeps_a_row() -> None:
    boxed, factor, _ = crops.letterboxed(ramp(2, 240)[None], 30)
    assert factor == 8
    assert (boxed[0, 2].numpy() == 128).sum() == 30
