"""SDE-DPM-Solver++(2M) (Lu et al. 2022b, appendix), Heun's form: the slope of the estimates integrated exactly."""

from collections.abc import Sequence

from torch import Tensor

from figment.nn.samplers import Denoise, Noise, Path, dpmpp_2m_sde

LABEL = "DPM++ 2M SDE Heun"


def sample(denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise, eta: float = 1.0) -> Path:
    """One evaluation a step. `eta` scales the noise."""
    return dpmpp_2m_sde.sample(denoise, x, sigmas, noise, eta, integrated=True)
