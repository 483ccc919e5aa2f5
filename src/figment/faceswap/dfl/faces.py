"""What DeepFaceLab knows of an aligned face, as an `AlignedFace` and back."""

import io
import re
from pathlib import PureWindowsPath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from figment.core.errors import DataError
from figment.faceswap.dfl import jpeg
from figment.faceswap.faces import FaceType
from figment.faceswap.faceset import AlignedFace
from figment.pixels import files

__all__ = ["TYPES", "read", "write"]

TYPES: dict[str, str] = {str(face_type): face_type.deepfacelab for face_type in FaceType}
"""DeepFaceLab's names of the face types."""
_OURS = {theirs: ours for ours, theirs in TYPES.items()}
QUALITY = 95


def read(name: str, content: bytes, number: int = 0) -> tuple[AlignedFace, bytes]:
    """The face in the DFLJPG file `content` called `name`, and the picture file without what was said of it.

    `number` is the frame where the name of its source holds none. The size of the frame is not known to DeepFaceLab: it
    is (0, 0). Masks drawn by hand are not read. Raises DataError.
    """
    picture, values = jpeg.parted(content, name)
    face_type = _text(values, "face_type", "full_face")
    if face_type not in _OURS:
        raise DataError(f"{name} is a face of the type '{face_type}'; those that can be read: {', '.join(_OURS)}.")
    size = _size(name, picture)
    landmarks = _points(values, "landmarks", (68, 2), name)
    source_landmarks = _points(values, "source_landmarks", (68, 2), name)
    mapped = values.get("image_to_face_mat") is not None
    matrix = _points(values, "image_to_face_mat", (2, 3), name) if mapped else _fitted(source_landmarks, landmarks)
    boxed = values.get("source_rect") is not None
    box = _points(values, "source_rect", (4,), name) if boxed else _around(source_landmarks)
    source = PureWindowsPath(_text(values, "source_filename", name)).name
    found, index = re.search(r"(\d+)\D*$", PureWindowsPath(source).stem), re.search(r"_(\d+)\.\w+$", name)
    return AlignedFace(
        name=name,
        source=source,
        frame=min(int(found[1][-9:]), 2**31) if found else number,
        index=int(index[1][-9:]) if index else 0,
        face_type=_OURS[face_type],
        size=size,
        landmarks=landmarks,
        source_landmarks=source_landmarks,
        matrix=matrix,
        source_size=(0, 0),
        box=box,
    ), picture


def write(face: AlignedFace, content: bytes) -> bytes:
    """DFLJPG file of `face`, whose picture file is `content`; one that is no JPEG is written as one."""
    if content[:2] != b"\xff\xd8":
        with Image.open(io.BytesIO(content)) as picture:
            content = files.encode(np.array(picture.convert("RGB")), "jpeg", quality=QUALITY)
    values = {
        "face_type": TYPES[face.face_type],
        "landmarks": face.landmarks.tolist(),
        "source_filename": face.source,
        "source_rect": np.round(face.box).astype(np.int64),
        "source_landmarks": face.source_landmarks.tolist(),
        "image_to_face_mat": face.matrix.astype(np.float64),
    }
    return jpeg.described(content, values, face.name)


def _size(name: str, picture: bytes) -> int:
    try:
        with Image.open(io.BytesIO(picture), formats=("JPEG",)) as image:
            width, height = image.size
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(f"{name} is a damaged picture; copy it again.") from error
    if width != height:
        raise DataError(f"{name} is {width}x{height}; an aligned face is as wide as high.")
    return width


def _text(values: dict[str, Any], key: str, otherwise: str) -> str:
    value = values.get(key)
    return value if isinstance(value, str) and value else otherwise


def _points(values: dict[str, Any], key: str, shape: tuple[int, ...], name: str) -> NDArray[np.float32]:
    try:
        array = np.array(values[key], np.float32)
    except (KeyError, ValueError, TypeError) as error:
        raise DataError(f"{name} does not say its {key}; extract it anew.") from error
    if array.shape != shape or not np.isfinite(array).all():
        raise DataError(f"{name} has {key} of the shape {array.shape}, which should be {shape} numbers.")
    return array


def _fitted(source: NDArray[np.float32], target: NDArray[np.float32]) -> NDArray[np.float32]:
    """(2, 3): what maps the points `source` nearest to `target`, by least squares."""
    solution = np.linalg.lstsq(np.column_stack([source, np.ones(len(source))]), target, rcond=None)[0]
    fitted: NDArray[np.float32] = solution.T.astype(np.float32)
    return fitted


def _around(points: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.concatenate([points.min(0), points.max(0)])
