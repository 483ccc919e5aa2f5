"""Real-ESRGAN's compact network (Wang et al. 2021): plain convolutions, then pixels shuffled to size."""

import re
from collections.abc import Mapping

from torch import Tensor, nn
from torch.nn.functional import interpolate

__all__ = ["network"]


def network(tensors: Mapping[str, Tensor]) -> tuple[nn.Module, int] | None:
    """The network that `tensors` fill, and by how much it enlarges; None where they are no such one's."""
    places = sorted({int(match[1]) for name in tensors if (match := re.fullmatch(r"body\.(\d{1,3})\.weight", name))})
    if not places or tensors.get("body.0.weight") is None or tensors["body.0.weight"].dim() != 4:
        return None
    width = tensors["body.0.weight"].shape[0]
    scale = round((tensors[f"body.{places[-1]}.weight"].shape[0] / 3) ** 0.5)
    made = _Compact(width, places[-1] // 2 - 1, scale)
    try:
        made.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    except RuntimeError:
        return None
    return made.eval(), scale


class _Compact(nn.Module):
    def __init__(self, width: int, layers: int, scale: int) -> None:
        super().__init__()
        self.scale = scale
        parts: list[nn.Module] = [nn.Conv2d(3, width, 3, padding=1), nn.PReLU(width)]
        for _ in range(layers):
            parts += [nn.Conv2d(width, width, 3, padding=1), nn.PReLU(width)]
        self.body = nn.Sequential(*parts, nn.Conv2d(width, 3 * scale**2, 3, padding=1))
        self.shuffle = nn.PixelShuffle(scale)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.shuffle(self.body(x)) + interpolate(x, scale_factor=self.scale, mode="nearest")
        return out
