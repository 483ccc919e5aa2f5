"""Masks and start pictures made ready, and put back."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from figment.core.errors import InputError
from figment.diffusion.inpainting import beyond, latent_mask, prepared
from figment.diffusion.options import Options

Picture = NDArray[np.uint8]
SIZE = (64, 64)


def picture(height: int = 128, width: int = 128) -> Picture:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def square(height: int = 128, width: int = 128) -> Picture:
    mask = np.zeros((height, width), np.uint8)
    mask[40:60, 30:70] = 255
    return mask


def test_what_is_black_in_the_mask_is_put_back_untouched() -> None:
    made = prepared(picture(64, 64), square(64, 64), SIZE, Options(mask_blur=0))
    drawn = np.zeros((64, 64, 3), np.uint8)
    out = made.put_back(drawn)
    assert not out[40:60, 30:].any()
    out[40:60, 30:] = picture(64, 64)[40:60, 30:]
    assert np.array_equal(out, picture(64, 64))


def test_an_inverted_mask_is_the_other_part() -> None:
    options = Options(mask_blur=0)
    plain = prepared(picture(64, 64), 255 - square(64, 64), SIZE, options)
    turned = prepared(picture(64, 64), square(64, 64), SIZE, Options(mask_blur=0, mask_inverted=True))
    assert plain.mask is not None
    assert turned.mask is not None
    assert np.array_equal(plain.mask, turned.mask)


def test_the_masked_part_alone_is_drawn_at_full_size_and_put_back_in_place() -> None:
    made = prepared(picture(), square(), SIZE, Options(mask_blur=0, area="masked", padding=8))
    left, top, right, bottom = made.box
    assert made.start.shape == (64, 64, 3)
    assert (right - left, bottom - top) == (
        56,
        56,
    )  # the square, padded, as wide as high
    assert left <= 22 < 78 <= right
    assert top <= 32 < 68 <= bottom
    out = made.put_back(np.full((64, 64, 3), 7, np.uint8))
    assert (out[square() == 255] == 7).all()
    assert np.array_equal(out[square() == 0], picture()[square() == 0])


@pytest.mark.parametrize("corner", [np.s_[:5, :5], np.s_[-5:, -5:], np.s_[:5, -5:]])
def test_a_mask_in_a_corner_is_cut_out_inside_the_picture(corner: tuple[slice, slice]) -> None:
    mask = np.zeros((128, 128), np.uint8)
    mask[corner] = 255
    left, top, right, bottom = prepared(picture(), mask, (64, 96), Options(area="masked", mask_blur=0)).box
    assert 0 <= left < right <= 128
    assert 0 <= top < bottom <= 128
    assert (right - left) / (bottom - top) == pytest.approx(1.5, abs=0.05)


def test_the_hole_is_filled_with_the_colours_around_it() -> None:
    left_red = np.zeros((64, 64, 3), np.uint8)
    left_red[..., 0] = 255
    left_red[24:40, 24:40] = (0, 0, 255)
    mask = np.zeros((64, 64), np.uint8)
    mask[24:40, 24:40] = 255
    filled = prepared(left_red, mask, SIZE, Options(fill="fill", mask_blur=0)).start
    assert filled[32, 32, 0] > 240
    assert filled[32, 32, 2] < 15
    kept = prepared(left_red, mask, SIZE, Options(fill="original", mask_blur=0)).start
    assert tuple(kept[32, 32]) == (0, 0, 255)


def test_a_blurred_mask_has_grey_edges() -> None:
    made = prepared(picture(64, 64), square(64, 64), SIZE, Options(mask_blur=4)).mask
    assert made is not None
    assert len(np.unique(made)) > 10


def test_the_mask_of_latents_is_an_eighth() -> None:
    mask = np.zeros((64, 64), np.uint8)
    mask[:, 32:] = 255
    small = latent_mask(mask, rounded=True)
    assert small.shape == (1, 1, 8, 8)
    assert small[0, 0, 0].tolist() == [0] * 4 + [1] * 4
    assert set(latent_mask(mask, rounded=False).flatten().tolist()) - {0.0, 1.0}


def test_a_picture_grows_beyond_its_edges() -> None:
    wide, mask = beyond(picture(64, 64), None, Options(extend_left=32, extend_down=16))
    assert wide.shape == (80, 96, 3)
    assert mask is not None
    assert np.array_equal(wide[:64, 32:], picture(64, 64))
    assert (mask[:, :32] == 255).all()
    assert (mask[64:] == 255).all()
    assert (mask[:48, 48:] == 0).all()
    assert (mask[10, 32:48] == 255).all()  # the seam is painted over
    same, none = beyond(picture(64, 64), None, Options())
    assert none is None
    assert same.shape == (64, 64, 3)


def test_what_is_new_is_painted_where_the_mask_is_inverted_too() -> None:
    plain, turned = Options(extend_left=32, mask_blur=0), Options(extend_left=32, mask_blur=0, mask_inverted=True)
    for mask in (None, square(64, 64)):
        wide, white = beyond(picture(64, 64), mask, plain)
        _, black = beyond(picture(64, 64), None if mask is None else 255 - mask, turned)
        expected, found = (prepared(wide, one, (64, 96), how) for one, how in ((white, plain), (black, turned)))
        assert expected.mask is not None
        assert found.mask is not None
        assert np.array_equal(found.mask, expected.mask)
        assert (found.mask[:, :32] == 255).all()


@pytest.mark.parametrize("shade", [0, 255])
@pytest.mark.parametrize("area", ["whole", "masked"])
def test_masks_of_one_shade_are_taken_at_their_word(shade: int, area: str) -> None:
    mask = np.full((64, 64), shade, np.uint8)
    made = prepared(picture(64, 64), mask, SIZE, Options(area="masked" if area == "masked" else "whole"))
    out = made.put_back(np.zeros((64, 64, 3), np.uint8))
    assert np.array_equal(out, np.zeros_like(out) if shade else picture(64, 64))


def test_the_edge_of_a_blurred_mask_is_the_sum_of_a_cut_gaussian() -> None:
    mask = np.zeros((64, 64), np.uint8)
    mask[:, 32:] = 255
    made = prepared(picture(64, 64), mask, SIZE, Options(mask_blur=4)).mask
    assert made is not None
    weights = np.exp(-(np.arange(-10, 11) ** 2) / 32)
    expected = np.array([255 * weights[max(0, 42 - place) :].sum() / weights.sum() for place in range(22, 42)])
    assert np.abs(made[30, 22:42] - expected).max() <= 0.5
    assert made[30, 21] == 0
    assert made[30, 42] == 255


def test_the_old_picture_shows_through_only_where_latents_are_kept() -> None:
    mask = np.full((64, 64), 100, np.uint8)
    mask[:, 32:] = 130
    made = prepared(picture(64, 64), mask, SIZE, Options(mask_blur=0))
    assert made.cover is not None
    assert set(np.unique(made.cover[:, :32])) <= set(range(196, 206))
    assert (made.cover[:, 40:] == 255).all()
    assert made.mask is not None
    assert latent_mask(made.mask, rounded=True)[0, 0, 0].tolist() == [0] * 4 + [1] * 4


def test_a_start_picture_keeps_its_size_where_latents_are_resized() -> None:
    options = Options(resize="latent", mask_blur=0)
    assert np.array_equal(prepared(picture(130, 77), None, SIZE, options).start, picture(130, 77)[:128, :72])
    made = prepared(picture(), square(), SIZE, options)
    assert made.start.shape == (128, 128, 3)
    assert made.mask is not None
    assert made.mask.shape == SIZE
    assert made.put_back(np.zeros((64, 64, 3), np.uint8)).shape == (64, 64, 3)
    with pytest.raises(InputError, match="A start picture of 3000x2000 is too large to be resized as latents"):
        prepared(np.zeros((2000, 3000, 3), np.uint8), None, SIZE, options)


@pytest.mark.parametrize("fill", ["fill", "noise", "nothing"])
def test_the_hole_is_filled_before_it_is_encoded_whatever_takes_its_place_then(fill: Any) -> None:
    filled = prepared(picture(64, 64), square(64, 64), SIZE, Options(fill="fill", mask_blur=0)).start
    made = prepared(picture(64, 64), square(64, 64), SIZE, Options(fill=fill, mask_blur=0)).start
    assert np.array_equal(made, filled)
    assert not np.array_equal(made, picture(64, 64))
