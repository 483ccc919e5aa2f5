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
