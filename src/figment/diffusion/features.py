"""Deep features of the UNet kept over some calls, since they change slowly (DeepCache, Ma et al. 2023).

The outermost blocks, which see the picture at full size, are computed at every call; what lies below them only at every
n-th.
"""

from collections.abc import Callable

from torch import Tensor

from figment.diffusion.networks import Conditioning

__all__ = ["KeptFeatures"]

Whole = Callable[[Tensor, Tensor, Conditioning], tuple[Tensor, Tensor]]
"""The UNet's output and the features that its last block takes from below."""
Shallow = Callable[[Tensor, Tensor, Conditioning, Tensor], Tensor]
"""The output, with those features given."""


class KeptFeatures:
    """`figment.diffusion.networks.UNet` that computes its depths at every `every`-th call of a walk.

    A call at a later time than the one before begins a new walk. Calls with contexts of different lengths, which are
    those of the prompt and of the negative one, are kept apart.
    """

    def __init__(self, whole: Whole, shallow: Shallow, every: int) -> None:
        self.whole, self.shallow, self.every = whole, shallow, every
        self.kept: dict[tuple[int, ...], tuple[int, Tensor]] = {}
        self.last = float("-inf")

    def __call__(self, x: Tensor, times: Tensor, conditioning: Conditioning) -> Tensor:
        now = float(times.max())
        if now > self.last:
            self.kept.clear()
        self.last = now
        key = (*x.shape, conditioning.context.shape[1])
        age, features = self.kept.get(key, (self.every, x))
        if age >= self.every:
            out, features = self.whole(x, times, conditioning)
            age = 0
        else:
            out = self.shallow(x, times, conditioning, features)
        self.kept[key] = (age + 1, features)
        return out
