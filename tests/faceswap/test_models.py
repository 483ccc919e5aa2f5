"""The face networks say what the packages' own runtimes say, and find the face of a photograph."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from skimage import data
from torch import Tensor

from figment.core.errors import InputError
from figment.faceswap.faces import Found
from figment.faceswap.models import crops, detectors, embedders, landmarkers
from figment.faceswap.models.detectors import blazeface, blazeface_far, blazeface_near
from figment.faceswap.models.embedders import mobilenet, resnet
from figment.faceswap.models.landmarkers import dense68, face_mesh
from figment.faceswap.models.stored import fill

Picture = NDArray[np.uint8]
GOLDEN = load_file(Path(__file__).parent / "golden" / "face_models.safetensors")
"""Made by scripts/face_models_golden.py with TensorFlow Lite and TensorFlow.js."""
EVERY = 8
OURS = ["blazeface", "blazeface_near", "blazeface_far"]
PORTRAIT = (170.0, 60.0, 280.0, 190.0)
"""What the astronaut's face lies within, by eye: left, top, right, bottom."""


@pytest.fixture(scope="module")
def photo() -> Picture:
    image: Picture = data.astronaut()
    return image


@pytest.fixture(scope="module")
def found(photo: Picture) -> list[Found]:
    return blazeface.detect(photo[None])[0]


def part(photo: Picture, top: int, left: int, size: int) -> Tensor:
    """The (1, 3, size, size) part of the photograph that the reference was shown, in [0, 255]."""
    return torch.from_numpy(photo[top : top + size, left : left + size].copy()).permute(2, 0, 1)[None].float()


# The networks


def test_near_detector_is_the_original(photo: Picture) -> None:
    with torch.inference_mode():
        values, logits = fill(blazeface_near.Network(), "blazeface_near")(part(photo, 60, 160, 128) / 127.5 - 1)
    torch.testing.assert_close(values[0, ::EVERY], GOLDEN["near.values"], atol=2e-3, rtol=1e-4)
    torch.testing.assert_close(logits[0, ::EVERY], GOLDEN["near.logits"], atol=2e-3, rtol=1e-4)


def test_far_detector_is_the_original(photo: Picture) -> None:
    with torch.inference_mode():
        values, logits = fill(blazeface_far.Network(), "blazeface_far")(part(photo, 20, 130, 192) / 127.5 - 1)
    torch.testing.assert_close(values[0, ::EVERY], GOLDEN["far.values"], atol=2e-3, rtol=1e-4)
    torch.testing.assert_close(logits[0, ::EVERY], GOLDEN["far.logits"], atol=2e-3, rtol=1e-4)


def test_mesh_is_the_original_with_lips_and_eyes_seen_twice(photo: Picture) -> None:
    network = fill(face_mesh.Network(), "face_mesh")
    picture = part(photo, 20, 130, 192) / 255
    with torch.inference_mode():
        rough, sure, _ = network.rough(picture)
        points, _ = network(picture)
    torch.testing.assert_close(rough.flatten(), GOLDEN["mesh0"], atol=2e-3, rtol=0)
    torch.testing.assert_close(sure, GOLDEN["mesh1"], atol=2e-3, rtol=0)
    for number, names in enumerate(face_mesh.PARTS):
        told = points[0, list(names), :2]
        torch.testing.assert_close(told.flatten(), GOLDEN[f"mesh{number + 2}"], atol=2e-3, rtol=0)
        assert (told - rough[0, list(names), :2]).abs().max() > 1  # pixels that the second look is worth


def test_points_of_face_api_are_the_original(photo: Picture) -> None:
    with torch.inference_mode():
        points = fill(dense68.Network(), "dense68")(part(photo, 60, 170, 112))
    torch.testing.assert_close(points.flatten(), GOLDEN["dense68"], atol=1e-5, rtol=0)


def test_residual_embedder_is_the_original(photo: Picture) -> None:
    """Some of its weights are kept in half precision."""
    with torch.inference_mode():
        told = fill(resnet.Network(), "resnet128")(part(photo, 40, 150, 150))
    torch.testing.assert_close(told[0], GOLDEN["resnet128"], atol=5e-4, rtol=0)


def test_mobile_embedder_is_nearly_the_original(photo: Picture) -> None:
    """Its large matrices are kept in bytes."""
    with torch.inference_mode():
        told = fill(mobilenet.Network(), "mobilenet1024")(part(photo, 10, 110, 224))
    assert torch.cosine_similarity(told[0], GOLDEN["mobilenet1024"], dim=0) > 0.997


# The registries


@pytest.mark.parametrize("package", [detectors, landmarkers, embedders])
def test_models_are_found_by_label_or_file_name(package: object) -> None:
    labels: Callable[[], dict[str, str]] = package.labels  # type: ignore[attr-defined]  # all three have it
    find: Callable[[str], object] = package.find  # type: ignore[attr-defined]
    assert package.DEFAULT in labels()  # type: ignore[attr-defined]
    for label, name in labels().items():
        assert find(label.upper()) is find(name)
    with pytest.raises(InputError, match=r"^No [a-z]+ 'mirror'; there are: "):
        find("mirror")


def test_judge_is_another_network_than_the_default() -> None:
    assert embedders.find(embedders.INDEPENDENT) is not embedders.find(embedders.DEFAULT)


@pytest.mark.skipif(find_spec("dlib") is not None, reason="dlib is installed, so there is nothing to refuse")
def test_dlib_is_missed_only_where_it_is_chosen(photo: Picture, found: list[Found]) -> None:
    with pytest.raises(InputError, match="pip install"):
        detectors.find("dlib HOG").detect(photo[None])
    with pytest.raises(InputError, match="pip install"):
        landmarkers.find("dlib 68").landmarks(photo, found)


# The astronaut


@pytest.mark.parametrize("name", OURS)
def test_detectors_find_the_astronaut_and_nothing_else(name: str, photo: Picture) -> None:
    (face,) = detectors.find(name).detect(photo[None])[0]
    left, top, right, bottom = PORTRAIT
    middle = (face.box[:2] + face.box[2:]) / 2
    assert left < middle[0] < right
    assert top < middle[1] < bottom
    assert 70 < face.size < 150
    assert face.score > 0.6
    first, second = face.points[:2]
    assert first[0] < second[0]  # the eye in the left of the picture comes first
    assert abs(face.angle) < 0.3


def test_many_frames_at_once_are_frames_one_by_one(photo: Picture) -> None:
    frames = np.stack([photo, photo[:, ::-1], np.zeros_like(photo)])
    together = blazeface.detect(frames)
    assert [len(faces) for faces in together] == [1, 1, 0]
    alone = blazeface.detect(frames[1:2])[0][0]
    np.testing.assert_allclose(together[1][0].box, alone.box, atol=0.01)


@pytest.mark.parametrize("name", ["face_mesh", "dense68"])
def test_points_lie_as_in_a_face(name: str, photo: Picture, found: list[Found]) -> None:
    points = landmarkers.find(name).landmarks(photo, found)
    assert points.shape == (1, 68, 2)
    assert points.dtype == np.float32
    face = points[0]
    brow, eyes, nose, mouth, chin = (face[at, 1].mean() for at in (slice(17, 27), slice(36, 48), 30, slice(48, 68), 8))
    assert brow < eyes < nose < mouth < chin
    jaw = face[:17, 0]
    assert (np.diff(jaw) > 0).sum() >= 14  # from left to right, but where it hangs over
    assert face[36:42, 0].max() < face[27, 0] < face[42:48, 0].min()
    left, top, right, bottom = PORTRAIT
    assert left < face[:, 0].min()
    assert face[:, 0].max() < right
    assert top < face[:, 1].min()
    assert face[:, 1].max() < bottom + 10


def test_two_landmarkers_agree(photo: Picture, found: list[Found]) -> None:
    first, second = (landmarkers.find(name).landmarks(photo, found)[0] for name in ("face_mesh", "dense68"))
    apart = np.linalg.norm(first[36:42].mean(0) - first[42:48].mean(0))
    assert np.linalg.norm(first - second, axis=1).mean() / apart < 0.1


def test_no_face_gives_no_points_and_no_embedding(photo: Picture) -> None:
    assert face_mesh.landmarks(photo, []).shape == (0, 68, 2)
    assert dense68.landmarks(photo, []).shape == (0, 68, 2)
    assert resnet.embed(photo, np.zeros((0, 68, 2), np.float32)).shape == (0, 128)
    assert mobilenet.embed(photo, np.zeros((0, 68, 2), np.float32)).shape == (0, 1024)


def test_mesh_knows_a_face_from_a_wall(photo: Picture, found: list[Found]) -> None:
    wall = np.full_like(photo, 128)
    assert face_mesh.mesh(photo, found)[1][0] > 0.99
    assert face_mesh.mesh(wall, found)[1][0] < 0.5


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_turned_pictures_are_tried_and_points_come_back_in_the_frame(quarters: int, photo: Picture) -> None:
    """Against the points of the picture as it is, turned by arithmetic."""
    upright = face_mesh.landmarks(photo, blazeface.detect(photo[None])[0])[0]
    turned = np.ascontiguousarray(np.rot90(photo, quarters))
    (face,) = detectors.detect_turned(detectors.find("blazeface"), turned[None])[0]
    points = face_mesh.landmarks(turned, [face])[0]
    side = photo.shape[0] - 1
    for _ in range(quarters):
        upright = np.stack([upright[:, 1], side - upright[:, 0]], 1)
    apart = np.linalg.norm(upright[36:42].mean(0) - upright[42:48].mean(0))
    assert np.linalg.norm(points - upright, axis=1).mean() / apart < 0.03
    assert np.cos(face.angle + quarters * np.pi / 2) > 0.95


def test_points_move_with_the_face(photo: Picture) -> None:
    """A shift of whole pixels shifts the points by as much, within a fiftieth of the distance between the eyes."""
    shifted = np.roll(photo, (24, -40), axis=(0, 1))
    first, second = (face_mesh.landmarks(image, blazeface.detect(image[None])[0])[0] for image in (photo, shifted))
    apart = np.linalg.norm(first[36:42].mean(0) - first[42:48].mean(0))
    assert np.abs(second - first - [-40, 24]).max() / apart < 0.02


@pytest.mark.parametrize("name", ["resnet", "mobilenet"])
def test_one_person_is_one_however_large_and_bright(name: str, photo: Picture) -> None:
    embedder = embedders.find(name)
    darker = (photo * 0.6).astype(np.uint8)
    smaller = crops.cropped(photo, np.array([[0.6, 0, 0], [0, 0.6, 0]]), 300).permute(1, 2, 0).byte().numpy()
    told = [
        embedder.embed(image, face_mesh.landmarks(image, blazeface.detect(image[None])[0]))[0]
        for image in (photo, darker, smaller)
    ]
    np.testing.assert_allclose(np.linalg.norm(told, axis=1), 1, atol=1e-5)
    assert min(told[0] @ told[1], told[0] @ told[2]) > embedder.SAME
