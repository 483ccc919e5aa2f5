"""The picture range: exact ends, exact round trip, clipping."""

import numpy as np

from figment.pixels.arrays import from_signed, to_signed


def test_ends_of_the_range_are_exact() -> None:
    image = np.array([[[0, 255, 51]]], np.uint8)
    signed = to_signed(image)
    assert signed.shape == (3, 1, 1)
    assert signed.dtype == np.float32
    np.testing.assert_allclose(signed.ravel(), [-1, 1, -0.6], atol=1e-7)


def test_every_level_comes_back() -> None:
    image = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    np.testing.assert_array_equal(from_signed(to_signed(image)), image)


def test_channels_move_and_come_back() -> None:
    image = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    signed = to_signed(image)
    assert signed.shape == (3, 5, 7)
    np.testing.assert_array_equal(from_signed(signed), image)


def test_values_outside_the_range_are_clipped_and_halves_go_to_even() -> None:
    signed = np.array([-3.0, 0.0, 7.0]).reshape(1, 1, 3)
    np.testing.assert_array_equal(from_signed(signed).ravel(), [0, 128, 255])
