"""The codebook against what it should do to vectors, codes and gradients."""

import math

import pytest
import torch

from figment.nn.quantise import Codebook, Gradient


def test_vectors_become_their_nearest_codes_and_say_how_far_they_were() -> None:
    book = Codebook(3, 2).eval()
    book.vectors = torch.tensor([[0.0, 1.0], [2.0, 0.0], [-1.0, -1.0]])
    x = torch.tensor([[0.1, 0.9], [3.0, 0.0]]).T.view(1, 2, 1, 2)
    found = book(x)
    assert found.codes.tolist() == [[[0, 1]]]
    assert torch.allclose(found.vectors, book.looked_up(found.codes), atol=1e-6)
    assert float(found.commitment) == pytest.approx((0.01 + 0.01 + 1.0) / 4)
    assert float(found.perplexity) == pytest.approx(2.0)


@pytest.mark.parametrize("gradient", ["straight", "rotation"])
def test_gradients_pass_straight_or_turned_with_the_vector(gradient: Gradient) -> None:
    book = Codebook(2, 2, gradient=gradient).eval()
    book.vectors = torch.tensor([[0.0, 2.0], [-5.0, -5.0]])
    x = torch.tensor([1.0, 1e-3]).view(1, 2, 1, 1).requires_grad_()
    vectors = book(x).vectors
    assert torch.allclose(vectors.flatten(), torch.tensor([0.0, 2.0]), atol=1e-5)
    pull = torch.tensor([1.0, 3.0])  # along the vector's side, and along it, as seen from the code
    (slope,) = torch.autograd.grad((vectors.flatten() * pull).sum(), x)
    # From (1, 0) to (0, 2) is a quarter turn and twice the length; the gradient takes the turn back.
    expected = pull if gradient == "straight" else torch.tensor([2 * 3.0, -2 * 1.0])
    assert torch.allclose(slope.flatten(), expected, atol=2e-2)


@pytest.mark.parametrize(("restarts", "used"), [(True, 60), (False, 20)])
def test_restarts_put_every_code_to_use(restarts: bool, used: int) -> None:
    """Vectors that lie far from where the codes began."""
    torch.manual_seed(0)
    book = Codebook(64, 4, restarts=restarts).train()
    book.begun += 1  # codes stay where chance put them
    rows = 0.1 * torch.randn(256, 4) + torch.tensor([5.0, 5, 0, 0])
    for _ in range(400):
        found = book(rows.T.reshape(1, 4, 16, 16))
    share = len(found.codes.unique())
    assert share >= used if restarts else share <= used


def test_codes_are_means_of_the_vectors_that_chose_them() -> None:
    book = Codebook(2, 1, restarts=False, decay=0.0).train()
    book.begun += 1
    book.vectors.copy_(torch.tensor([[-1.0], [1.0]]))
    book(torch.tensor([-2.0, -4.0, 3.0, 5.0]).view(1, 1, 2, 2))
    assert book.vectors.flatten().tolist() == pytest.approx([-3.0, 4.0])
    assert math.isclose(float(book.counts.sum()), 4.0)
