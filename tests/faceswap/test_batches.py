"""Batches of faces by number."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.faceswap.made_faces import SIZE, face, picture, turned
from tests.faceswap.made_swap import workspace

from figment.core.errors import DataError
from figment.faceswap.align import FaceType
from figment.faceswap.batches import Faces, split
from figment.faceswap.faceset import Faceset


def faces_of(faceset: Faceset) -> Faces:
    return Faces(faceset, faceset.faces(), 32, FaceType.FULL)


def test_a_batch_is_the_same_whenever_asked_for(tmp_path: Path) -> None:
    faces = faces_of(workspace(tmp_path).src.faceset)
    one, again, next_one = (faces.batch(n, 3, (0, 0), faces.even, turned=1.0, bent=1.0) for n in (5, 5, 6))
    assert all(torch.equal(a, b) for a, b in zip(one, again, strict=True))
    assert not torch.equal(one.face, next_one.face)
    assert [tuple(tensor.shape) for tensor in one] == [(3, c, 32, 32) for c in (3, 3, 1, 1)]
    assert all(tensor.min() >= 0 and tensor.max() <= 1 for tensor in one)


def test_what_is_shown_is_bent_only_as_far_as_asked(tmp_path: Path) -> None:
    faces = faces_of(workspace(tmp_path).src.faceset)
    whole, half, none = (faces.batch(0, 8, (0, 0), None, turned=1.0, bent=b) for b in (1.0, 0.5, 0.0))
    assert torch.equal(none.shown, none.face)
    assert torch.equal(whole.face, none.face)
    apart = [(batch.shown - batch.face).abs().mean().item() for batch in (whole, half)]
    assert apart[0] > apart[1] > 0


def test_faces_are_turned_only_as_far_as_asked(tmp_path: Path) -> None:
    faces = faces_of(workspace(tmp_path, 3).src.faceset)
    plain = faces.plain().face
    apart = []
    for turned_by in (0.0, 0.2, 1.0):
        shown = faces.batch(0, 8, (0, 0), None, turned=turned_by, bent=0.0).shown
        apart.append(float((shown[:, None] - plain).abs().mean((2, 3, 4)).amin(1).mean()))
    assert apart[0] < 1e-6
    assert 0.1 * apart[2] < apart[1] < 0.4 * apart[2]


def test_plain_faces_are_those_of_the_faceset(tmp_path: Path) -> None:
    """Red faces stay red, and hull and parts lie on them."""
    plain = faces_of(workspace(tmp_path).src.faceset).plain()
    red, green, _ = (plain.face * plain.mask).sum((0, 2, 3)) / plain.mask.sum()
    assert red > 2 * green > 0.2
    assert 0.1 < plain.mask.mean() < 0.9
    assert 0 < plain.parts.mean() < plain.mask.mean()
    assert (plain.parts * (1 - plain.mask)).mean() < 0.1 * plain.parts.mean()


def test_rare_directions_are_shown_as_often_as_common_ones(tmp_path: Path) -> None:
    faceset = Faceset(tmp_path)
    for number in range(10):
        points = turned(40 if number == 9 else 0.1 * number, 0)
        points += np.random.default_rng(number).normal(0, 0.01, (68, 2)).astype(np.float32)
        faceset.add(face(f"{number}.png", landmarks=points), picture())
    shares = faces_of(faceset).even
    assert shares.sum() == pytest.approx(1)
    assert shares[9] > 3 * shares[:9].max()


def test_the_end_of_a_clip_is_kept_back(tmp_path: Path) -> None:
    made = workspace(tmp_path, 25).src.faceset
    made.reorder(["00020_0.png"])
    learnt, kept = split(made)
    assert sorted(f.frame for f in kept) == [23, 24]
    assert [f.frame for f in learnt] == list(range(23))


def test_one_face_is_too_few(tmp_path: Path) -> None:
    faceset = Faceset(tmp_path)
    faceset.add(face("a.png"), np.zeros((SIZE, SIZE, 3), np.uint8))
    with pytest.raises(DataError, match="1 faces; at least two"):
        split(faceset)
