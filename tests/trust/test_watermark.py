"""Marks are found again after ordinary handling, and nowhere else."""

import io
import stat
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from figment.core.errors import InputError
from figment.trust.watermark import TOLERATED, Watermark, capacity

Picture = NDArray[np.uint8]
PAYLOAD = 0xFEDC_BA98_7654_3210
OURS, THEIRS = Watermark(b"ours"), Watermark(b"theirs")


@cache
def scene(side: int, seed: int = 0) -> Picture:
    """A picture like others: smooth ground, edges, and texture whose strength falls with frequency."""
    rng = np.random.default_rng(seed)
    picture = np.zeros((side, side, 3))
    for radius, strength in ((32, 400), (12, 120), (4, 40), (1, 12)):
        noise = Image.fromarray(rng.integers(0, 256, (side, side, 3), dtype=np.uint8))
        picture += (np.asarray(noise.filter(ImageFilter.GaussianBlur(radius)), np.float64) - 128) * strength / 30
    picture += 128
    picture[side // 4 : side // 2, side // 3 : 3 * side // 4] = (40, 90, 200)
    return np.clip(picture, 0, 255).astype(np.uint8)


@cache
def marked(side: int = 512) -> Picture:
    return OURS.embed(scene(side), PAYLOAD)


def saved(image: Picture, format: str, quality: int) -> Picture:
    content = io.BytesIO()
    Image.fromarray(image).save(content, format, quality=quality)
    return np.array(Image.open(content).convert("RGB"))


def resized(image: Picture, factor: float) -> Picture:
    size = (round(image.shape[1] * factor), round(image.shape[0] * factor))
    return np.array(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS))


def rotated(image: Picture, degrees: float) -> Picture:
    return np.array(Image.fromarray(image).rotate(degrees, Image.Resampling.BICUBIC))


def noisy(image: Picture) -> Picture:
    noise = np.random.default_rng(3).normal(0, 5, image.shape)
    return np.clip(np.rint(image + noise), 0, 255).astype(np.uint8)


HANDLING: dict[str, Callable[[Picture], Picture]] = {
    "nothing": lambda image: image,
    "JPEG 50": lambda image: saved(image, "JPEG", 50),
    "WebP 80": lambda image: saved(image, "WEBP", 80),
    "halved": lambda image: resized(image, 0.5),
    "doubled": lambda image: resized(image, 2.0),
    "cropped to half the area": lambda image: image[75:437, 41:403],
    "brighter": lambda image: np.clip(image * 1.3, 0, 255).astype(np.uint8),
    "grey": lambda image: np.array(Image.fromarray(image).convert("L").convert("RGB")),
    "noise": noisy,
    "turned": lambda image: rotated(image, 1.0),
    "mirrored": lambda image: image[:, ::-1],
    "cropped, mirrored, resized and saved": lambda image: saved(resized(image[20:480, 480:20:-1], 1.2), "JPEG", 85),
}


def psnr(image: Picture, other: Picture) -> float:
    return float(10 * np.log10(255**2 / np.mean((image.astype(float) - other) ** 2)))


@pytest.mark.parametrize("handling", HANDLING)
def test_the_payload_survives(handling: str) -> None:
    mark = OURS.detect(HANDLING[handling](marked()))
    assert mark.present
    assert mark.payload == PAYLOAD
    assert mark.false_positive_rate <= TOLERATED


def test_the_picture_looks_the_same() -> None:
    assert psnr(scene(512), marked()) >= 39
    white = np.full((512, 512, 3), 255, np.uint8)
    assert np.abs(OURS.embed(white, PAYLOAD).astype(int) - white).max() <= 8


def test_the_geometry_is_told() -> None:
    mark = OURS.detect(rotated(resized(marked()[:, ::-1], 1.25), -2.0))
    assert mark.scale == pytest.approx(1.25, rel=0.005)
    assert mark.rotation == pytest.approx(-2.0, abs=0.2)
    assert mark.flipped


@pytest.mark.parametrize("seed", range(6))
def test_no_mark_is_seen_where_there_is_none(seed: int) -> None:
    mark = OURS.detect(scene(320, seed))
    assert not mark.present
    assert mark.payload is None
    assert mark.false_positive_rate > TOLERATED


@pytest.mark.parametrize("picture", [np.zeros((300, 300, 3), np.uint8), np.full((20, 400, 3), 255, np.uint8)])
def test_empty_pictures_carry_no_mark(picture: Picture) -> None:
    assert not OURS.detect(picture).present


def test_others_see_the_mark_but_cannot_read_it() -> None:
    mark = THEIRS.detect(marked())
    assert mark.present
    assert mark.payload is None


def test_without_a_public_key_others_see_nothing() -> None:
    private = Watermark(b"ours", public_key=None)
    image = private.embed(scene(512), PAYLOAD)
    assert private.detect(image).payload == PAYLOAD
    assert not OURS.detect(image).present


def test_a_small_picture_says_only_that_it_is_marked() -> None:
    assert capacity(128, 128) == 1
    for image in (marked(128), saved(marked(128), "JPEG", 75), resized(marked(128), 2.0)):
        mark = OURS.detect(image)
        assert mark.present
        assert mark.payload is None


def test_a_tiny_picture_is_left_alone() -> None:
    assert capacity(124, 4000) == 0
    assert np.array_equal(OURS.embed(scene(100), PAYLOAD), scene(100))


def test_the_frames_of_a_clip_vote() -> None:
    rng = np.random.default_rng(5)
    frames = []
    for number in range(8):
        noise = rng.normal(0, 62, (256, 256, 3))
        frame = np.roll(marked(256), 2 * number, axis=1)  # motion drags the mark along
        frames.append(np.clip(frame + noise, 0, 255).astype(np.uint8))
    assert OURS.detect(frames[0]).payload is None
    assert OURS.detect_frames(frames).payload == PAYLOAD


@pytest.mark.parametrize("start", [(0, 0), (124, 3), (255, 255)])
def test_the_tiles_begin_wherever_they_are_told_to(start: tuple[int, int]) -> None:
    assert OURS.detect(OURS.embed(scene(512), PAYLOAD, start)).payload == PAYLOAD


def test_same_picture_same_bytes() -> None:
    assert np.array_equal(Watermark(b"ours").embed(scene(512), PAYLOAD), marked())


@pytest.mark.parametrize("payload", [-1, 2**64])
def test_a_payload_of_more_bits_is_refused(payload: int) -> None:
    with pytest.raises(InputError, match="64 bits"):
        OURS.embed(scene(128), payload)


def test_the_installation_keeps_its_key(tmp_path: Path) -> None:
    image = Watermark.default(tmp_path).embed(scene(512), PAYLOAD)
    assert Watermark.default(tmp_path).detect(image).payload == PAYLOAD
    assert Watermark.default(tmp_path / "other").detect(image).payload is None
    if sys.platform != "win32":
        assert stat.S_IMODE((tmp_path / "watermark.key").stat().st_mode) == 0o600


def test_a_damaged_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "watermark.key").write_bytes(b"short")
    with pytest.raises(InputError, match="32"):
        Watermark.default(tmp_path)
