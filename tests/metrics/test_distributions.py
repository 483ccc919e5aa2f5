"""Distances between sets of features: against closed forms and against torchmetrics on the same features."""

import pytest
import torch
from torch import Tensor, nn
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import KernelInceptionDistance

from figment.core.errors import DataError
from figment.metrics.estimate import Estimate, bootstrap
from figment.metrics.frechet import Moments, frechet_distance, moments
from figment.metrics.kernel import kernel_distance
from figment.metrics.manifold import manifold

WIDTH = 8


class Rows(nn.Module):
    """Hands a reference metric the features as they are."""

    num_features = WIDTH

    def forward(self, rows: Tensor) -> Tensor:
        return rows


def two_sets() -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(0)
    first = torch.randn(400, WIDTH, generator=rng)
    second = torch.randn(300, WIDTH, generator=rng) @ torch.randn(WIDTH, WIDTH, generator=rng) * 0.5 + 0.3
    return first, second


def test_frechet_distance_of_two_normal_distributions_is_the_closed_form() -> None:
    deviations = torch.tensor([1.0, 2.0, 0.5]).double(), torch.tensor([2.0, 2.0, 3.0]).double()
    means = torch.tensor([0.0, 1.0, 2.0]).double(), torch.tensor([1.0, 1.0, 0.0]).double()
    first, second = (
        Moments(mean, deviation.square().diag()) for mean, deviation in zip(means, deviations, strict=True)
    )
    expected = (means[0] - means[1]).square().sum() + (deviations[0] - deviations[1]).square().sum()
    assert frechet_distance(first, second) == pytest.approx(float(expected))
    assert frechet_distance(first, first) == pytest.approx(0, abs=1e-9)


def test_frechet_distance_agrees_with_torchmetrics() -> None:
    first, second = two_sets()
    reference = FrechetInceptionDistance(feature=Rows(), normalize=True).set_dtype(torch.float64)
    reference.update(first.double(), real=True)
    reference.update(second.double(), real=False)
    assert frechet_distance(first, second) == pytest.approx(float(reference.compute()), rel=1e-6)


@pytest.mark.filterwarnings("ignore:Metric `Kernel Inception Distance` will save:UserWarning")
def test_kernel_distance_agrees_with_torchmetrics_on_whole_sets() -> None:
    first, second = (rows[:250].double() for rows in two_sets())
    reference = KernelInceptionDistance(feature=Rows(), subsets=1, subset_size=250, normalize=True)
    reference.update(first, real=True)
    reference.update(second, real=False)
    found = kernel_distance(first, second, subsets=2, size=250)
    assert found.value == pytest.approx(float(reference.compute()[0]), rel=1e-5)


def test_kernel_distance_of_one_distribution_is_about_zero() -> None:
    rows = torch.randn(2000, WIDTH, generator=torch.Generator().manual_seed(1))
    same, other = kernel_distance(rows[:1000], rows[1000:], size=200), kernel_distance(rows, 1.3 * rows + 0.5, size=200)
    assert abs(same.value) < 0.1 * other.value


def test_the_interval_of_the_kernel_distance_holds_the_truth_as_often_as_it_says() -> None:
    rng = torch.Generator().manual_seed(4)
    shift = torch.randn(40, 2, 100, WIDTH, generator=rng) + torch.tensor([0.0, 0.4]).view(1, 2, 1, 1)
    truth = kernel_distance(*(shift.transpose(0, 1).reshape(2, 4000, WIDTH)), subsets=10, size=2000).value
    found = [kernel_distance(first, second, subsets=60, size=50) for first, second in shift]
    held = sum(one.low <= truth <= one.high for one in found)
    assert 33 <= held <= 40  # 38 of 40 are to be expected


def test_manifold_tells_quality_from_diversity() -> None:
    rng = torch.Generator().manual_seed(2)
    real = torch.randn(500, 2, generator=rng)
    collapsed = manifold(real, 0.05 * torch.randn(500, 2, generator=rng))
    assert collapsed.precision > 0.95
    assert collapsed.recall < 0.1
    assert collapsed.coverage < 0.3
    spread = manifold(real, 3 * torch.randn(500, 2, generator=rng))
    assert spread.precision < collapsed.precision
    assert spread.recall > 0.9
    same = manifold(real, torch.randn(500, 2, generator=rng))
    assert min(same.precision, same.recall, same.coverage) > 0.8
    assert same.density == pytest.approx(1, abs=0.15)


def test_manifold_counts_by_hand() -> None:
    real, made = torch.tensor([[0.0], [1.0], [10.0]]), torch.tensor([[0.5], [0.6], [5.0]])
    found = manifold(real, made, k=1)  # real balls reach 1, 1 and 9; made ones 0.1, 0.1 and 4.4
    assert found.precision == 1.0
    assert found.recall == pytest.approx(1 / 3)
    assert found.density == pytest.approx((2 + 2 + 1) / 3)
    assert found.coverage == 1.0


def test_the_bootstrap_interval_holds_the_value_and_narrows_with_more_rows() -> None:
    rng = torch.Generator().manual_seed(3)
    rows, others = torch.randn(2000, 4, generator=rng), torch.randn(2000, 4, generator=rng) + 0.5

    def interval(count: int) -> Estimate:
        return bootstrap(frechet_distance, rows[:count], others[:count], rounds=40)

    few, many = interval(100), interval(2000)
    assert few.low <= few.value <= few.high
    assert many.low < 1.0 < many.high  # |0.5|^2 in four dimensions
    assert many.high - many.low < 0.5 * (few.high - few.low)


def test_an_interval_of_a_mean_is_the_textbook_one() -> None:
    found = Estimate.of_mean(torch.tensor([1.0, 2.0, 3.0]))
    assert found.value == 2
    assert found.high - found.value == pytest.approx(1.959964 / 3**0.5)
    assert str(found) == "2 [0.8684, 3.132]"


def test_too_few_pictures_are_refused() -> None:
    one, some = torch.zeros(1, 3), torch.zeros(4, 3)
    with pytest.raises(DataError, match="at least 2 pictures, not 1"):
        moments(one)
    with pytest.raises(DataError, match="at least 2 pictures, not 1"):
        kernel_distance(one, some)
    with pytest.raises(DataError, match="need more than 5 pictures, not 4"):
        manifold(some, some)
