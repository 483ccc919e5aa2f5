"""Which kind of layer some tensors are."""

from collections.abc import Callable, Mapping

from torch import Tensor

from figment.diffusion.lora.decomposed import Decomposed
from figment.diffusion.lora.direct import Difference, Scaling
from figment.diffusion.lora.layer import Layer
from figment.diffusion.lora.low_rank import Generalized, LowRank
from figment.diffusion.lora.orthogonal import Rotation
from figment.diffusion.lora.products import Hadamard, Kronecker

__all__ = ["layer_of"]

_MAKERS: dict[str, Callable[[Mapping[str, Tensor]], Layer]] = {
    **dict.fromkeys(("up", "down"), LowRank.of),
    **dict.fromkeys(("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b"), Hadamard.of),
    **dict.fromkeys(("lokr_w1", "lokr_w1_a", "lokr_w2", "lokr_w2_a"), Kronecker.of),
    **dict.fromkeys(("oft_blocks", "oft_diag"), Rotation.of),
    **dict.fromkeys(("a1", "a2"), Generalized.of),
    **dict.fromkeys(("diff", "diff_b", "w_norm", "b_norm"), Difference.of),
    "on_input": Scaling.of,
}
"""By a tensor that the kind alone has."""


def layer_of(tensors: Mapping[str, Tensor]) -> Layer | None:
    """The layer that `tensors` of one module make; None where they are of no known kind. Raises Damaged."""
    maker = next((_MAKERS[name] for name in tensors if name in _MAKERS), None)
    if maker is None or (maker == Scaling.of and "weight" not in tensors):
        return None
    layer = maker(tensors)
    return Decomposed(layer, tensors["dora_scale"]) if "dora_scale" in tensors else layer
