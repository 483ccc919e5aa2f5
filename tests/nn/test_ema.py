"""The moving average against its definition."""

import torch

from figment.nn.ema import Average


def test_the_average_follows_the_definition() -> None:
    average = Average({"w": torch.zeros(1)}, decay=0.5)
    expected = 0.0
    for step in range(1, 8):
        average.update({"w": torch.full((1,), float(step))}, step)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * step
    assert torch.allclose(average.tensors["w"], torch.tensor([expected]))


def test_one_update_for_several_steps_moves_as_far_as_they_would_towards_the_same_weights() -> None:
    often, seldom = (Average({"w": torch.zeros(1)}, decay=0.9) for _ in range(2))
    weights = {"w": torch.ones(1)}
    for step in range(101, 105):
        often.update(weights, step)
    seldom.update(weights, 104, steps=4)
    assert torch.allclose(often.tensors["w"], seldom.tensors["w"], atol=1e-6)
