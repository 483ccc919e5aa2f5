"""Noise as AUTOMATIC1111 draws it."""

import pytest
import torch

from figment.diffusion.philox import Philox
from figment.diffusion.randomness import NoiseSource, Seeds, Source, between

SHAPE = (4, 6, 5)
SOURCES: tuple[Source, ...] = ("nv", "cpu")


def source(*seeds: Seeds, by: Source = "cpu", shape: tuple[int, int, int] = SHAPE) -> NoiseSource:
    return NoiseSource(seeds, shape, by)


def test_the_first_noise_is_that_of_the_seed() -> None:
    expected = torch.randn(SHAPE, generator=torch.Generator().manual_seed(7))
    assert torch.equal(source(Seeds(7)).first()[0], expected)
    assert torch.equal(source(Seeds(7), by="nv").first()[0], Philox(7).randn(*SHAPE))


@pytest.mark.parametrize("by", SOURCES)
def test_a_picture_is_the_same_alone_and_among_others(by: Source) -> None:
    seeds = [Seeds(1), Seeds(2, delta=5), Seeds(3, subseed=9, strength=0.3), Seeds(4, resized_from=(4, 8))]
    together = source(*seeds, by=by)
    together.along([10.0, 1.0, 0.0])
    batch = [together.first(), together.next(), together.increment(10.0, 4.0), together.next()]
    for number, one in enumerate(seeds):
        alone = source(one, by=by)
        alone.along([10.0, 1.0, 0.0])
        drawn = [alone.first(), alone.next(), alone.increment(10.0, 4.0), alone.next()]
        assert all(torch.equal(noise[0], row[number]) for noise, row in zip(drawn, batch, strict=True))


def test_later_noise_goes_on_or_begins_at_the_shifted_seed() -> None:
    generator = torch.Generator().manual_seed(7)
    expected = [torch.randn(SHAPE, generator=generator) for _ in range(2)]
    plain = source(Seeds(7))
    assert torch.equal(torch.stack([plain.first()[0], plain.next()[0]]), torch.stack(expected))
    shifted = source(Seeds(7, delta=31337))
    shifted.first()
    assert torch.equal(shifted.next()[0], torch.randn(SHAPE, generator=torch.Generator().manual_seed(7 + 31337)))


def test_a_second_seed_draws_along_the_arc() -> None:
    first, second = source(Seeds(1)).first()[0], source(Seeds(2)).first()[0]
    assert torch.equal(source(Seeds(1, 2, 0.0)).first()[0], first)
    assert torch.allclose(source(Seeds(1, 2, 1.0)).first()[0], second, atol=1e-5)
    halfway = source(Seeds(1, 2, 0.5)).first()[0]
    row, other = first[0, :, 0], second[0, :, 0]
    angle = torch.acos(row @ other / row.norm() / other.norm())
    assert torch.allclose(halfway[0, :, 0], torch.sin(angle / 2) / torch.sin(angle) * (row + other), atol=1e-5)


def test_noises_that_are_almost_alike_are_mixed_in_a_line() -> None:
    noise = torch.randn(SHAPE)
    assert torch.allclose(between(noise, 1.0001 * noise, 0.25), noise * 0.25 + 1.0001 * noise * 0.75)


@pytest.mark.parametrize("small", [(4, 3), (8, 9), (4, 9)])
def test_a_resized_picture_keeps_the_noise_of_the_other_size_in_its_middle(small: tuple[int, int]) -> None:
    made = source(Seeds(5, resized_from=small)).first()[0]
    kept = torch.randn(4, *small, generator=torch.Generator().manual_seed(5))
    high, wide = min(small[0], 6), min(small[1], 5)
    window = made.unfold(1, high, 1).unfold(2, wide, 1).reshape(4, -1, high, wide)
    whole = kept.unfold(1, high, 1).unfold(2, wide, 1).reshape(4, -1, high, wide)
    same = (window[:, :, None] == whole[:, None]).all(dim=(0, 3, 4)) if window.shape[1] * whole.shape[1] else None
    assert same is not None
    assert bool(same.any())


@pytest.mark.parametrize("by", SOURCES)
def test_a_brownian_path_does_not_depend_on_the_steps_along_it(by: Source) -> None:
    fine, coarse = (source(Seeds(3), by=by) for _ in range(2))
    for one in (fine, coarse):
        one.along([14.0, 0.1, 0.0])
    parts = fine.increment(14.0, 5.0) * 9.0**0.5 + fine.increment(5.0, 1.0) * 4.0**0.5
    assert torch.allclose(parts / 13.0**0.5, coarse.increment(14.0, 1.0), atol=1e-5)


def test_brownian_steps_are_normal_and_apart() -> None:
    wide = source(Seeds(3), shape=(4, 64, 64), by="nv")
    wide.along([14.0, 0.1, 0.0])
    first, second = wide.increment(14.0, 5.0), wide.increment(5.0, 1.0)
    for step in (first, second):
        assert float(step.std()) == pytest.approx(1, abs=0.02)
        assert float(step.mean()) == pytest.approx(0, abs=0.03)
    assert abs(float((first * second).mean())) < 0.03


def test_the_brownian_path_is_that_of_torchsde() -> None:
    import torchsde

    tree = torchsde.BrownianTree(torch.tensor(0.1), torch.zeros(SHAPE), torch.tensor(14.0), entropy=3)
    ours = source(Seeds(3))
    ours.along([14.0, 0.1, 0.0])
    expected = -tree(torch.tensor(5.0), torch.tensor(14.0)) / 3.0
    assert torch.allclose(ours.increment(14.0, 5.0)[0], expected, atol=1e-6)
