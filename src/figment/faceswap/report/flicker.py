"""Flicker: what changes from frame to frame and back.

It is looked at on the aligned face, so that a head that moves is not taken for it. The second difference of three
frames takes no notice of what changes steadily, such as light that fades.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["flicker"]

LUMA = np.array([0.299, 0.587, 0.114])
"""How bright red, green and blue are (ITU-R BT.601)."""


def flicker(faces: Sequence[NDArray[np.uint8]], mask: NDArray[np.float32]) -> float:
    """Mean of |before - 2 now + after| in grey levels of three aligned `faces` (S, S, 3), weighed by `mask` (S, S).

    NaN where the mask is empty.
    """
    before, now, after = (face @ LUMA for face in faces)
    total = float(mask.sum())
    return float((np.abs(before - 2 * now + after) * mask).sum()) / total if total > 0 else float("nan")
