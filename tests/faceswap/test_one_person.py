"""Whether faces are one person's: on directions that are made, and on two people's faces."""

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.faceswap.made_faces import face, names

from figment.faceswap.affine import moved
from figment.faceswap.align import FaceType, matrix, warped
from figment.faceswap.faceset import Faceset
from figment.faceswap.models import embedders
from figment.faceswap.models.detectors import blazeface
from figment.faceswap.models.landmarkers import face_mesh
from figment.faceswap.one_person import COMPARED, embedded, middle, strangers
from figment.pixels.clips import frames

MEDIA = Path(__file__).parents[2] / ".." / "shared" / "media"
SAME = 0.92


def person(cosine: float, count: int, seed: int) -> NDArray[np.float32]:
    """(count, 128) of length 1 close to a direction that has `cosine` to the first axis."""
    straight = np.zeros(128)
    straight[:2] = cosine, np.sqrt(1 - cosine**2)
    made = straight + np.random.default_rng(seed).normal(0, 0.01, (count, 128))
    return np.asarray(made / np.linalg.norm(made, axis=1, keepdims=True), np.float32)


def test_of_one_person_nobody_is_a_stranger_and_the_middle_is_that_of_all() -> None:
    faces = person(1, 50, 0)
    assert not len(strangers(faces, SAME))
    mean = faces.mean(0)
    assert middle(faces, SAME) == pytest.approx(mean / np.linalg.norm(mean), abs=1e-6)
    assert not len(strangers(faces[:0], SAME))
    assert not len(strangers(faces[:1], SAME))


@pytest.mark.parametrize("others", [1, 20, 49, 50])
def test_strangers_are_those_who_are_fewer(others: int) -> None:
    faces = np.concatenate([person(1, 100 - others, 0), person(0.87, others, 1)])
    mean = faces.mean(0) / np.linalg.norm(faces.mean(0))
    if others == 50:
        assert (faces @ mean > SAME).all()  # the mean of two people would take both for itself
    np.testing.assert_array_equal(strangers(faces, SAME), np.arange(100 - others, 100))


def test_of_more_faces_than_are_tried_all_are_told() -> None:
    faces = np.concatenate([person(1, 3 * COMPARED, 0), person(0.8, 7, 1)])
    np.testing.assert_array_equal(strangers(faces, SAME), np.arange(3 * COMPARED, 3 * COMPARED + 7))


def test_what_the_faceset_notes_is_taken_as_it_is(tmp_path: Path) -> None:
    noted = person(1, 2, 0)
    faceset = Faceset(tmp_path)
    faceset.add_files((face(f"{number}.png", embedding=noted[number]), b"") for number in range(2))
    np.testing.assert_array_equal(embedded(faceset, faceset.faces()), noted)
    assert embedded(faceset, []).shape == (0, 128)


@pytest.mark.skipif(not MEDIA.is_dir(), reason="the clips of ../shared/media are not there")
def test_two_actors_are_two_people_also_where_nothing_is_noted(tmp_path: Path) -> None:
    faceset = Faceset(tmp_path)
    for name, count in (("actor_a", 3), ("actor_b", 1)):
        for number, frame in enumerate(islice(frames(MEDIA / f"{name}.mp4"), 0, count * 6, 6)):
            points = face_mesh.landmarks(frame, blazeface.detect(frame[None])[0][:1])[0]
            place = matrix(points, 160, FaceType.FULL)
            aligned = moved(points, place).astype(np.float32)
            faceset.add(face(f"{name}_{number}.png", size=160, landmarks=aligned), warped(frame, place, 160))
    found = strangers(embedded(faceset, faceset.faces()), embedders.find(embedders.DEFAULT).SAME)
    assert [names(faceset)[number] for number in found] == ["actor_b_0.png"]
