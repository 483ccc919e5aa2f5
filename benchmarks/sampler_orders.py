"""How the error of every deterministic sampler falls with its steps, on data whose path is known in closed form.

    python benchmarks/sampler_orders.py

Data are normal with deviation 0.5; the path from sigma 10 to 0.05 scales x by the deviation of the noisy data. Prints
the error after 16, 32, 64, 128 and 256 steps, and the order of convergence between the last two.
"""

from math import log2, sqrt

import torch
from torch import Tensor

from figment.nn.samplers import find, labels

DEVIATION, HIGH, LOW = 0.5, 10.0, 0.05
STEPS = (16, 32, 64, 128, 256)


def denoise(x: Tensor, sigma: float) -> Tensor:
    """E[x_0 | x]."""
    return x * DEVIATION**2 / (DEVIATION**2 + sigma**2)


def error(label: str, steps: int) -> float | None:
    """Distance from the exact end; None for a sampler that adds noise."""
    sigmas = [HIGH * (LOW / HIGH) ** (step / steps) for step in range(steps + 1)]
    asked: list[float] = []

    def counted(now: float, _after: float) -> Tensor:
        asked.append(now)
        return torch.zeros(1, dtype=torch.float64)

    path = find(label).sample(denoise, torch.ones(1, dtype=torch.float64), sigmas, counted)
    try:
        step = next(path)
        while True:
            step = path.send(step.x)
    except StopIteration as stop:
        exact = sqrt((DEVIATION**2 + LOW**2) / (DEVIATION**2 + HIGH**2))
        return None if asked else abs(float(stop.value) - exact)


def main() -> None:
    print(f"{'sampler':14}" + "".join(f"{steps:>11}" for steps in STEPS) + "   order")
    for label in labels():
        errors = [error(label, steps) for steps in STEPS]
        known = [one for one in errors if one is not None]
        if len(known) == len(STEPS):
            order = log2(known[-2] / known[-1])
            print(f"{label:14}" + "".join(f"{one:11.2e}" for one in known) + f"   {order:5.2f}")
        else:
            print(f"{label:14} adds noise")


if __name__ == "__main__":
    main()
