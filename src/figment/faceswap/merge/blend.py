"""Faces put into a frame.

`merged` is all that a clip needs for one frame: what the swap drew for each face of it goes through the mask, the
colours, and the mode that the settings name.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from figment.faceswap.merge.colour import recoloured
from figment.faceswap.merge.degrading import denoised, fewer_colours, softened
from figment.faceswap.merge.histogram import channels_matched
from figment.faceswap.merge.masks import chosen, shaped
from figment.faceswap.merge.seamless import cloned
from figment.faceswap.merge.settings import MaskMode, MergeSettings, Mode
from figment.faceswap.merge.sharpening import motion_blurred, sharpened
from figment.faceswap.merge.warp import Pixels, inverse, levels, sampled

__all__ = ["Enlarge", "Merged", "Swapped", "doubled", "merged"]

Enlarge = Callable[[Pixels], Pixels]
"""A face (S, S, 3) in [0, 1] as a larger one, (kS, kS, 3), with more detail."""
RAW = frozenset({Mode.RAW_RGB, Mode.RAW_PREDICT})
RIM = 2
"""How many pixels a face goes on beyond its edge, for bicubic sampling to see no black there."""
SHOWN = 1 / 255
"""What a mask must exceed for a pixel to change."""


@dataclass(frozen=True, eq=False)
class Swapped:
    """What the swap drew for one face of a frame."""

    matrix: Pixels
    """(2, 3): from pixels of the frame to those of the square."""
    landmarks: Pixels
    """(68, 2): of the face to be covered, in pixels of the square."""
    rgb: Pixels
    """(S, S, 3) in [0, 1]: the face as drawn."""
    predicted: Pixels
    """(S, S) in [0, 1]: what the network takes for the face that it drew."""
    target: Pixels
    """(S, S) in [0, 1]: what it takes for the face to be covered."""


class Merged(NamedTuple):
    """A merged frame."""

    frame: NDArray[np.uint8]
    """(H, W, 3), as large as the frame was."""
    mask: NDArray[np.uint8]
    """(H, W): how far, up to 255, each pixel shows a swapped face."""


def doubled(face: Pixels) -> Pixels:
    """`face` (S, S, 3) twice as large, resampled with a Lanczos window."""
    size = (2 * face.shape[1], 2 * face.shape[0])
    planes = [Image.fromarray(plane).resize(size, Image.Resampling.LANCZOS) for plane in np.moveaxis(face, 2, 0)]
    return np.stack([np.asarray(plane) for plane in planes], 2).clip(0, 1)


def merged(
    frame: NDArray[np.uint8],
    faces: Sequence[Swapped],
    settings: MergeSettings,
    way: tuple[float, float] = (0, 0),
    enlarge: Enlarge = doubled,
) -> Merged:
    """`frame` (H, W, 3) with `faces` put into it in turn.

    `way` (x, y) is how far the face moves, in pixels, from the frame before to the frame after; it has no say where a
    frame has several faces. "raw-predict" shows what was drawn for the first face, as large as the frame allows.
    """
    mask = np.zeros(frame.shape[:2], np.uint8)
    if settings.mode is Mode.ORIGINAL or not faces:
        return Merged(frame, mask)
    if settings.mode is Mode.RAW_PREDICT:
        return Merged(_filling(faces[0].rgb, frame.shape), np.full(frame.shape[:2], 255, np.uint8))
    picture = softened(denoised(frame, settings.denoise), settings.bicubic_degrade).copy()
    for face in faces:
        _put(picture, mask, face, settings, way if len(faces) == 1 else (0, 0), enlarge)
    return Merged(fewer_colours(picture, settings.colour_degrade), mask)


def _put(
    picture: NDArray[np.uint8],
    mask: NDArray[np.uint8],
    face: Swapped,
    settings: MergeSettings,
    way: tuple[float, float],
    enlarge: Enlarge,
) -> None:
    """Put `face` into `picture` (H, W, 3), in place, and note in `mask` (H, W) where it is."""
    part = shaped(_mask(face, settings), settings.erode, settings.blur)
    matrix = _scaled(face.matrix, len(part), settings.face_scale)
    top, bottom, left, right = _box(matrix, part, mask.shape)
    size = (bottom - top, right - left)
    if min(size) < 3:
        return
    matrix = matrix.copy()
    matrix[:, 2] += matrix[:, :2] @ np.array([left, top], np.float32)
    alpha = sampled(part, matrix, size).clip(0, 1)[..., None]
    view = picture[top:bottom, left:right].astype(np.float32) / np.float32(255)
    drawn = _drawn(_coloured(view, matrix, part, face, settings), matrix, size, settings, enlarge)
    if settings.mode not in RAW:
        drawn = sharpened(drawn, settings.sharpen, settings.sharpness)
        drawn = motion_blurred(drawn, way, settings.motion_blur)
        drawn = _joined(drawn, view, alpha[..., 0], settings)
    picture[top:bottom, left:right] = levels(view + alpha * (drawn - view))
    shown = mask[top:bottom, left:right]
    np.maximum(shown, levels(alpha[..., 0]), out=shown)


def _mask(face: Swapped, settings: MergeSettings) -> Pixels:
    mode = MaskMode.FULL if settings.mode is Mode.RAW_RGB else settings.mask
    return chosen(mode, face.landmarks, face.predicted, face.target)


def _scaled(matrix: Pixels, side: int, percent: int) -> Pixels:
    """`matrix` (2, 3) such that the square is larger in the frame by `percent`, about its middle."""
    middle, factor = (side - 1) / 2, 1 / (1 + percent / 100)
    result: Pixels = (matrix * factor).astype(np.float32)
    result[:, 2] += middle * (1 - factor)
    return result


def _box(matrix: Pixels, part: Pixels, size: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Top, bottom, left, right of what the mask `part` (S, S) reaches of a frame of `size`, with a rim."""
    rows, columns = (np.flatnonzero((part > SHOWN).any(axis)) for axis in (1, 0))
    if not len(rows):
        return 0, 0, 0, 0
    corners = [(x, y, 1) for x in (columns[0] - 1, columns[-1] + 1) for y in (rows[0] - 1, rows[-1] + 1)]
    places = np.array(corners, np.float32) @ inverse(matrix).T
    (left, top), (right, bottom) = np.floor(places.min(0)) - 1, np.ceil(places.max(0)) + 2
    height, width = size
    return max(0, int(top)), min(height, int(bottom)), max(0, int(left)), min(width, int(right))


def _coloured(view: Pixels, matrix: Pixels, part: Pixels, face: Swapped, settings: MergeSettings) -> Pixels:
    """(S, S, 3): the face as drawn, with the colours of the face in `view`."""
    if settings.mode in RAW:
        return face.rgb
    seen = sampled(np.ones(view.shape[:2], np.float32), inverse(matrix), part.shape) > 0.99
    below = sampled(view, inverse(matrix), part.shape)
    result = recoloured(settings.colour, face.rgb, below, (part > SHOWN) & seen)
    if settings.mode is Mode.HIST_MATCH:
        counted = (part > SHOWN) & seen if settings.masked_histogram else seen
        result = _histogram_matched(result, below, counted, settings.threshold)
    return result


def _drawn(face: Pixels, matrix: Pixels, size: tuple[int, int], settings: MergeSettings, enlarge: Enlarge) -> Pixels:
    """`size` (H, W, 3): the square carried to where it lies in the frame, mixed with an enlarged one."""
    plain = _carried(face, matrix, size)
    if not settings.super_resolution:
        return plain
    large = enlarge(face)
    factor = len(large) / len(face)
    larger = matrix * np.float32(factor)
    larger[:, 2] += (factor - 1) / 2
    return plain + np.float32(settings.super_resolution / 100) * (_carried(large, larger, size) - plain)


def _carried(face: Pixels, matrix: Pixels, size: tuple[int, int]) -> Pixels:
    """`face` (S, S, 3) as `size` (H, W, 3), its edge going on a little beyond itself."""
    matrix = matrix.copy()
    matrix[:, 2] += RIM
    return sampled(np.pad(face, ((RIM, RIM), (RIM, RIM), (0, 0)), mode="edge"), matrix, size, sharp=True).clip(0, 1)


def _joined(drawn: Pixels, view: Pixels, alpha: Pixels, settings: MergeSettings) -> Pixels:
    """`drawn` (H, W, 3) as the mode fits it to `view` (H, W, 3), before it is laid over it."""
    if settings.mode not in (Mode.SEAMLESS, Mode.SEAMLESS_HIST_MATCH):
        return drawn
    inside = alpha > SHOWN
    drawn = cloned(drawn, view, inside)
    if settings.mode is Mode.SEAMLESS:
        return drawn
    counted = inside if settings.masked_histogram else np.ones_like(inside)
    return _histogram_matched(drawn, view, counted, settings.threshold)


def _histogram_matched(face: Pixels, below: Pixels, counted: NDArray[np.bool_], threshold: int) -> Pixels:
    if not counted.any():
        return face
    result = face.copy()
    result[counted] = channels_matched(face[counted], below[counted], threshold / 255)
    return result


def _filling(face: Pixels, size: tuple[int, ...]) -> NDArray[np.uint8]:
    """`face` (S, S, 3) as large as fits into `size` (H, W), on black."""
    picture = Image.fromarray(levels(face))
    return np.array(ImageOps.pad(picture, (size[1], size[0]), Image.Resampling.LANCZOS, color=(0, 0, 0)))
