"""Colour transfers: what each promises of the distribution, and that a face which fits already stays as it is."""

from collections.abc import Callable

import numpy as np
import pytest
from skimage.color import lab2rgb, rgb2lab

from figment.faceswap.merge.colour import TRANSFERS, lct, mix, mkl, rct, recoloured
from figment.faceswap.merge.colour.lab import from_lab, to_lab
from figment.faceswap.merge.settings import Colour
from figment.faceswap.merge.warp import Pixels

ALL = [Colour.IDT, Colour.SOT]
"""Those that match the whole distribution."""


def cloud(middle: tuple[float, float, float], seed: int, number: int = 1000) -> Pixels:
    """(number, 3): skewed, correlated colours around `middle`, well within [0, 1]."""
    rng = np.random.default_rng(seed)
    shape = rng.normal(size=(3, 3)) * 0.03
    return np.asarray(np.array(middle) + (rng.gamma(3, 1, (number, 3)) - 3) / 1.7 @ shape, np.float32).clip(0.02, 0.98)


SOURCE, TARGET = cloud((0.35, 0.4, 0.5), 1), cloud((0.6, 0.5, 0.4), 2, 1200)


def test_lab_is_that_of_skimage() -> None:
    colours = np.random.default_rng(0).uniform(0, 1, (500, 3)).astype(np.float32)
    assert np.abs(to_lab(colours) - rgb2lab(colours)).max() < 0.02
    assert np.abs(from_lab(to_lab(colours)) - colours).max() < 1e-4
    assert np.abs(from_lab(to_lab(colours)) - lab2rgb(rgb2lab(colours))).max() < 1e-3


def test_rct_takes_over_means_and_spreads_of_lab() -> None:
    result, wanted = to_lab(rct.transferred(SOURCE, TARGET)), to_lab(TARGET)
    assert np.abs(result.mean(0) - wanted.mean(0)).max() < 0.05
    assert np.abs(result.std(0) - wanted.std(0)).max() < 0.05


@pytest.mark.parametrize("transferred", [lct.transferred, mkl.transferred])
def test_linear_transfers_take_over_the_covariance(transferred: Callable[[Pixels, Pixels], Pixels]) -> None:
    result = transferred(SOURCE, TARGET)
    assert np.abs(result.mean(0) - TARGET.mean(0)).max() < 1e-5
    assert np.abs(np.cov(result.T) - np.cov(TARGET.T)).max() < 1e-3 * np.abs(np.cov(TARGET.T)).max()


def test_mkl_moves_colours_no_further_than_lct() -> None:
    far = [np.square(transfer(SOURCE, TARGET) - SOURCE).mean() for transfer in (mkl.transferred, lct.transferred)]
    assert far[0] <= far[1]


@pytest.mark.parametrize("colour", ALL)
def test_whole_distributions_are_matched_along_any_line(colour: Colour) -> None:
    line = np.array([0.48, -0.6, 0.64], np.float32)
    shares = np.linspace(0.02, 0.98, 25)
    result = TRANSFERS[colour](SOURCE, TARGET)

    def apart(colours: Pixels) -> float:
        return float(np.abs(np.quantile(colours @ line, shares) - np.quantile(TARGET @ line, shares)).mean())

    assert apart(result) < 0.1 * apart(SOURCE)
    assert apart(result) < 0.8 * apart(lct.transferred(SOURCE, TARGET)), "shape is matched, not only covariance"


def test_mix_has_the_lightness_of_lct() -> None:
    light = to_lab(mix.transferred(SOURCE, TARGET))[:, 0]
    assert np.abs(light - to_lab(lct.transferred(SOURCE, TARGET))[:, 0]).max() < 0.1


@pytest.mark.parametrize("colour", TRANSFERS)
def test_colours_that_fit_already_stay(colour: Colour) -> None:
    assert np.abs(TRANSFERS[colour](TARGET, TARGET) - TARGET).max() < 2e-3


@pytest.mark.parametrize("colour", TRANSFERS)
def test_a_second_transfer_changes_little(colour: Colour) -> None:
    once = TRANSFERS[colour](SOURCE, TARGET)
    assert np.abs(TRANSFERS[colour](once, TARGET) - once).mean() < 0.05 * np.abs(once - SOURCE).mean()


@pytest.mark.parametrize("colour", TRANSFERS)
def test_a_single_colour_takes_on_the_wanted_one(colour: Colour) -> None:
    flat, wanted = np.full((50, 3), 0.3, np.float32), np.full((60, 3), 0.7, np.float32)
    assert np.abs(TRANSFERS[colour](flat, wanted) - 0.7).max() < 0.01


@pytest.mark.parametrize("colour", TRANSFERS)
def test_only_what_is_inside_is_recoloured(colour: Colour) -> None:
    face, below = SOURCE[:900].reshape(30, 30, 3), TARGET[:900].reshape(30, 30, 3)
    inside = np.zeros((30, 30), np.bool_)
    inside[5:25, 5:25] = True
    result = recoloured(colour, face, below, inside)
    assert np.array_equal(result[~inside], face[~inside])
    assert np.abs(result[inside].mean(0) - below[inside].mean(0)).max() < 0.02


def test_sot_does_not_tear_neighbours_apart() -> None:
    ramp = np.repeat(np.linspace(0.3, 0.5, 32, dtype=np.float32)[None, :, None], 32, 0).repeat(3, 2)
    noisy = ramp + np.random.default_rng(0).normal(0, 0.003, (32, 32, 3)).astype(np.float32)
    below = cloud((0.6, 0.5, 0.4), 2, 1024).reshape(32, 32, 3)
    inside = np.ones((32, 32), np.bool_)
    torn = TRANSFERS[Colour.SOT](noisy.reshape(-1, 3), below.reshape(-1, 3)).reshape(32, 32, 3)
    result = recoloured(Colour.SOT, noisy, below, inside)
    assert np.abs(np.diff(result, axis=0)).mean() < 0.8 * np.abs(np.diff(torn, axis=0)).mean()


@pytest.mark.parametrize("colour", [Colour.SOT, Colour.MIX])
def test_large_faces_are_recoloured_as_if_looked_at_in_full(colour: Colour, monkeypatch: pytest.MonkeyPatch) -> None:
    y, x = np.mgrid[:192, :192] / np.float32(192)
    waves = np.stack([np.sin(9 * x + 4 * y), np.cos(7 * y), np.sin(12 * x * y)], 2) + (x > 0.5)[..., None]
    face, below = (0.4 + 0.15 * waves).astype(np.float32), (0.5 - 0.2 * waves[::-1] ** 2).clip(0, 1).astype(np.float32)
    inside = np.hypot(x - 0.5, y - 0.5) < 0.4
    result = recoloured(colour, face, below, inside)
    monkeypatch.setattr("figment.faceswap.merge.colour.ENOUGH", 192)
    whole = recoloured(colour, face, below, inside)
    assert not np.array_equal(result, whole)
    assert np.abs(result - whole)[inside].mean() < 0.05 * np.abs(whole - face)[inside].mean()


def test_without_a_transfer_or_a_face_nothing_changes() -> None:
    face, below = SOURCE[:900].reshape(30, 30, 3), TARGET[:900].reshape(30, 30, 3)
    assert recoloured(Colour.NONE, face, below, np.ones((30, 30), np.bool_)) is face
    assert recoloured(Colour.RCT, face, below, np.zeros((30, 30), np.bool_)) is face
