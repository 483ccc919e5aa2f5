"""Faces in the shared clips and portraits, where they are at hand."""

import io
import tarfile
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from figment.faceswap.models import embedders
from figment.faceswap.models.detectors import blazeface
from figment.faceswap.models.embedders import mobilenet
from figment.faceswap.models.landmarkers import face_mesh
from figment.pixels.clips import frames

Frames = NDArray[np.uint8]
SHARED = Path(__file__).parents[3] / "shared"
needs_clips = pytest.mark.skipif(not (SHARED / "media").is_dir(), reason="the clips of ../shared/media are not here")
needs_portraits = pytest.mark.skipif(not (SHARED / "faces").is_dir(), reason="no portraits in ../shared/faces")
AT_ONCE = 16


@cache
def clip(name: str) -> Frames:
    return np.stack(list(frames(SHARED / "media" / name)))


@needs_clips
@pytest.mark.parametrize("name", ["actor_a.mp4", "actor_b.mp4"])
def test_the_face_is_found_in_every_frame(name: str) -> None:
    shown = clip(name)
    for start in range(0, len(shown), AT_ONCE):
        for faces in blazeface.detect(shown[start : start + AT_ONCE]):
            assert len(faces) == 1
            assert 150 < faces[0].size < 350
            assert np.abs((faces[0].box[:2] + faces[0].box[2:]) / 2 - 240).max() < 80


@needs_clips
def test_two_people_are_two_faces_of_two_persons() -> None:
    shown = clip("head-pose-face-detection-female-and-male.gif")[::8]
    for frame in shown:
        found = sorted(blazeface.detect(frame[None])[0], key=lambda face: float(face.box[0]))
        assert len(found) == 2
        woman, man = mobilenet.embed(frame, face_mesh.landmarks(frame, found))
        assert woman @ man < mobilenet.SAME


@needs_clips
def test_mouth_and_eyes_open_and_close() -> None:
    """The first actor screams in one frame and blinks in another; distances are in those between the eyes."""
    shown = clip("actor_a.mp4")[::4]
    points = np.concatenate([face_mesh.landmarks(frame, blazeface.detect(frame[None])[0]) for frame in shown])
    apart = np.linalg.norm(points[:, 36:42].mean(1) - points[:, 42:48].mean(1), axis=1)
    mouth = np.linalg.norm(points[:, 62] - points[:, 66], axis=1) / apart
    lids = np.linalg.norm(points[:, [37, 38, 43, 44]] - points[:, [41, 40, 47, 46]], axis=2).mean(1) / apart
    assert mouth.min() < 0.02
    assert mouth.max() > 0.5
    assert lids.min() < 0.55 * np.median(lids)


@needs_clips
@pytest.mark.parametrize("name", ["resnet", "mobilenet"])
def test_actors_are_themselves_and_not_each_other(name: str) -> None:
    embedder = embedders.find(name)
    told = []
    for actor in ("actor_a.mp4", "actor_b.mp4"):
        shown = clip(actor)[::40]
        found = [face_mesh.landmarks(frame, blazeface.detect(frame[None])[0]) for frame in shown]
        told.append(np.concatenate([embedder.embed(*pair) for pair in zip(shown, found, strict=True)]))
    for of_one in told:
        assert (of_one @ of_one.T).min() > embedder.SAME
    assert (told[0] @ told[1].T).max() < embedder.SAME


@needs_portraits
def test_each_portrait_has_one_face_and_is_nobody_elses() -> None:
    """Of sixty; a pair in a hundred may look alike to a small network."""
    with tarfile.open(SHARED / "faces" / "portraits-us-gov-225x275.tar") as portraits:
        names = sorted(name for name in portraits.getnames() if name.endswith(".jpg"))[::15]
        files = [portraits.extractfile(name) for name in names]
        pictures = [np.asarray(Image.open(io.BytesIO(file.read())).convert("RGB")) for file in files if file]
    found = [blazeface.detect(picture[None])[0] for picture in pictures]
    assert [len(faces) for faces in found] == [1] * len(pictures)
    points = [face_mesh.landmarks(*pair) for pair in zip(pictures, found, strict=True)]
    told = np.concatenate([mobilenet.embed(*pair) for pair in zip(pictures, points, strict=True)])
    alike = (told @ told.T)[np.triu_indices(len(told), 1)]
    assert (alike > mobilenet.SAME).mean() < 0.01
