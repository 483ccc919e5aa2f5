"""ESRGAN's network: residual-in-residual dense blocks (Wang et al. 2018, figure 4), under each of its three names."""

import re
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, leaky_relu, pixel_unshuffle

__all__ = ["network"]

RESIDUAL = 0.2
_OLD = ((r"model\.0\.", "conv_first."), (r"model\.1\.sub\.(\d+)\.RDB(\d)\.conv(\d)\.0\.", r"body.\1.rdb\2.conv\3."))
"""Names of 2018 for those of Real-ESRGAN, which are used here."""
_NEXT = (
    (r"RRDB_trunk\.(\d+)\.RDB(\d)\.", r"body.\1.rdb\2."),
    (r"trunk_conv\.", "conv_body."),
    (r"upconv(\d)\.", r"conv_up\1."),
    (r"HRconv\.", "conv_hr."),
)
"""Names of ESRGAN's later files and of BSRGAN."""


def network(tensors: Mapping[str, Tensor]) -> tuple[nn.Module, int] | None:
    """The network that `tensors` fill, and by how much it enlarges; None where they are no such one's."""
    named = _renamed(tensors)
    first, dense = named.get("conv_first.weight"), named.get("body.0.rdb1.conv1.weight")
    if first is None or dense is None or first.dim() != 4:
        return None
    blocks = 1 + max(int(match[1]) for name in named if (match := re.match(r"body\.(\d{1,3})\.", name)))
    (width, seen), growth = first.shape[:2], dense.shape[0]
    doublings = sum(f"conv_up{number}.weight" in named for number in (1, 2, 3))
    squeeze = {3: 1, 12: 2, 48: 4}.get(seen)
    if squeeze is None:
        return None
    made = _RRDBNet(seen, width, growth, blocks, doublings, squeeze)
    try:
        made.load_state_dict({name: tensor.float() for name, tensor in named.items()})
    except RuntimeError:
        return None
    return made.eval(), 2**doublings // squeeze


def _renamed(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    places = sorted({int(match[1]) for name in tensors if (match := re.fullmatch(r"model\.(\d{1,3})\.weight", name))})
    if len(places) < 3:
        return {_substituted(name, _NEXT): tensor for name, tensor in tensors.items()}
    ends = ["conv_hr", "conv_last"]
    ups = [f"conv_up{number + 1}" for number in range(len(places) - 3)]
    last = {f"model.{place}.": f"{name}." for place, name in zip(places[1:], [*ups, *ends], strict=True)}
    trunk = {name: _substituted(name, _OLD) for name in tensors}
    for name in tensors:
        after = re.fullmatch(r"model\.1\.sub\.(\d+)\.(weight|bias)", name)
        if after:
            trunk[name] = f"conv_body.{after[2]}"
        for old, new in last.items():
            if name.startswith(old):
                trunk[name] = new + name.removeprefix(old)
    return {trunk[name]: tensor for name, tensor in tensors.items()}


def _substituted(name: str, changes: Sequence[tuple[str, str]]) -> str:
    for old, new in changes:
        name = re.sub(f"^{old}", new, name)
    return name


class _Dense(nn.Module):
    """Five convolutions, each of which sees all before it."""

    def __init__(self, width: int, growth: int) -> None:
        super().__init__()
        for number in range(5):
            out = growth if number < 4 else width
            self.add_module(f"conv{number + 1}", nn.Conv2d(width + number * growth, out, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        seen = [x]
        for number in range(1, 5):
            seen.append(leaky_relu(self.get_submodule(f"conv{number}")(torch.cat(seen, dim=1)), RESIDUAL))
        out: Tensor = x + RESIDUAL * self.get_submodule("conv5")(torch.cat(seen, dim=1))
        return out


class _Block(nn.Module):
    def __init__(self, width: int, growth: int) -> None:
        super().__init__()
        self.rdb1, self.rdb2, self.rdb3 = (_Dense(width, growth) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + RESIDUAL * self.rdb3(self.rdb2(self.rdb1(x)))
        return out


class _RRDBNet(nn.Module):
    def __init__(self, seen: int, width: int, growth: int, blocks: int, doublings: int, squeeze: int) -> None:
        super().__init__()
        self.squeeze, self.doublings = squeeze, doublings
        self.conv_first = nn.Conv2d(seen, width, 3, padding=1)
        self.body = nn.Sequential(*(_Block(width, growth) for _ in range(blocks)))
        self.conv_body = nn.Conv2d(width, width, 3, padding=1)
        for number in range(doublings):
            self.add_module(f"conv_up{number + 1}", nn.Conv2d(width, width, 3, padding=1))
        self.conv_hr = nn.Conv2d(width, width, 3, padding=1)
        self.conv_last = nn.Conv2d(width, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        padded = nn.functional.pad(x, (0, -width % self.squeeze, 0, -height % self.squeeze), mode="replicate")
        first = self.conv_first(pixel_unshuffle(padded, self.squeeze) if self.squeeze > 1 else padded)
        hidden = first + self.conv_body(self.body(first))
        for number in range(self.doublings):
            larger = interpolate(hidden, scale_factor=2, mode="nearest")
            hidden = leaky_relu(self.get_submodule(f"conv_up{number + 1}")(larger), RESIDUAL)
        out: Tensor = self.conv_last(leaky_relu(self.conv_hr(hidden), RESIDUAL))
        scale = 2**self.doublings // self.squeeze
        return out[:, :, : height * scale, : width * scale]
