"""Pictures for the watermark's benchmark: photographs, micrographs, pages, portraits, frames of clips, drawn scenes.

Sources that are not on this computer are left out, and the benchmark says how many pictures it had.
"""

import io
import tarfile
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from figment.core.errors import DataError
from figment.data.home import data_home
from figment.data.scene_render import render
from figment.data.scenes import random_scene
from figment.data.sprite_pack import SpritePack
from figment.pixels.resizing import resize

__all__ = ["SIDE", "clips", "crops", "pictures", "portraits"]

Picture = NDArray[np.uint8]

SIDE = 512
PACKAGED = (
    *("astronaut", "brick", "camera", "cell", "chelsea", "clock", "coffee", "coins", "colorwheel", "grass", "gravel"),
    *("hubble_deep_field", "immunohistochemistry", "logo", "moon", "page", "retina", "rocket", "text"),
)
"""What scikit-image carries inside its wheel."""
CLIP_FRAMES, FRAME_RATE = 90, 30


def pictures(portraits_tar: Path, media: Path) -> list[Picture]:
    """Varied pictures, uint8 (SIDE, SIDE, 3), the kinds mixed so that any number of the first ones is varied."""
    kinds: list[list[Picture]] = [
        list(_packaged()),
        list(_details()),
        [_square(portrait) for portrait in portraits(portraits_tar, 12)],
        [_square(frame) for clip in clips(media) for frame in clip[::30]],
        list(_scenes(12)),
    ]
    mixed = [(place / len(kind), picture) for kind in kinds for place, picture in enumerate(kind)]
    return [picture for _, picture in sorted(mixed, key=lambda pair: pair[0])]


def portraits(tar: Path, number: int | None = None) -> Iterator[Picture]:
    """The first `number` pictures of the archive, or all; none when there is no archive."""
    if not tar.is_file():
        return
    with tarfile.open(tar) as archive:
        names = sorted(name for name in archive.getnames() if name.lower().endswith((".jpg", ".jpeg", ".png")))
        for name in names[:number]:
            file = archive.extractfile(name)
            if file is not None:
                yield np.array(Image.open(io.BytesIO(file.read())).convert("RGB"))


def clips(media: Path) -> list[list[Picture]]:
    """Clips of 3 s: those in `media`, and slow pans over large pictures."""
    filmed = [list(_frames(path)) for path in sorted(media.glob("*.mp4"))]
    return filmed + [_pan(_skimage(name)) for name in ("hubble_deep_field", "retina", "rocket")]


def crops(sources: Sequence[Picture], number: int, seed: int) -> Iterator[Picture]:
    """Unmarked crops of 128 to 512 pixels, mirrored, resized and saved as JPEG at random."""
    rng = np.random.default_rng(seed)
    for _ in range(number):
        source = sources[int(rng.integers(len(sources)))]
        height, width = (int(rng.integers(min(128, side), min(512, side) + 1)) for side in source.shape[:2])
        top, left = (
            int(rng.integers(side - part + 1)) for side, part in zip(source.shape, (height, width), strict=False)
        )
        crop = source[top : top + height, left : left + width]
        factor = float(np.exp(rng.uniform(np.log(0.5), np.log(2))))
        crop = resize(crop, (max(64, round(height * factor)), max(64, round(width * factor))), "stretch")
        content = io.BytesIO()
        Image.fromarray(crop[:, :: rng.choice((-1, 1))]).save(content, "JPEG", quality=int(rng.integers(40, 96)))
        yield np.array(Image.open(content))


def _packaged() -> Iterator[Picture]:
    for name in PACKAGED:
        yield _square(_skimage(name))
    left, right, _ = import_module("skimage.data").stereo_motorcycle()
    yield from (_square(left), _square(right))


def _details() -> Iterator[Picture]:
    """Corners of the larger pictures at their own resolution."""
    for name in ("hubble_deep_field", "retina", "immunohistochemistry", "astronaut", "rocket"):
        large = _skimage(name)
        yield _square(large[: large.shape[0] * 2 // 3, : large.shape[1] * 2 // 3])


def _scenes(number: int) -> Iterator[Picture]:
    try:
        pack = SpritePack.open(data_home() / "sprites")
    except DataError:
        return
    for place in range(number):
        yield render(random_scene(pack, 7, place), pack, SIDE).image


def _skimage(name: str) -> Picture:
    image: NDArray[Any] = np.asarray(getattr(import_module("skimage.data"), name)())
    if image.dtype == bool or image.max() <= 1:
        image = image.astype(np.uint8) * 255
    return np.array(Image.fromarray(image.astype(np.uint8)).convert("RGB"))


def _square(image: Picture) -> Picture:
    return resize(image, (SIDE, SIDE), "cover")


def _frames(path: Path) -> Iterator[Picture]:
    with import_module("av").open(str(path)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number == CLIP_FRAMES:
                return
            yield frame.to_ndarray(format="rgb24")


def _pan(image: Picture) -> list[Picture]:
    """A window of SIDE moving over `image` by a pixel in each frame, there and back."""
    large = resize(image, (SIDE + 40, SIDE + 40), "cover")
    shifts = [abs(40 - frame % 80) for frame in range(CLIP_FRAMES)]
    return [large[shift : shift + SIDE, 40 - shift : 40 - shift + SIDE] for shift in shifts]
