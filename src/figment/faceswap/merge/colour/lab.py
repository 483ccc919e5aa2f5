"""CIE L*a*b*, in which distances are nearly as the eye sees them (CIE 15:2004; sRGB as in IEC 61966-2-1, white D65)."""

import numpy as np

from figment.faceswap.merge.warp import Pixels

__all__ = ["from_lab", "to_lab"]

TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]],
    np.float32,
)
FROM_XYZ = np.linalg.inv(TO_XYZ.astype(np.float64)).astype(np.float32)
WHITE = TO_XYZ.sum(1)
EDGE = np.float32(6 / 29)


def to_lab(rgb: Pixels) -> Pixels:
    """(N, 3) L in [0, 100], a and b in about [-100, 100], of sRGB `rgb` (N, 3) in [0, 1]."""
    linear = np.where(rgb > 0.04045, ((rgb.clip(0) + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    share = linear @ TO_XYZ.T / WHITE
    bent = np.where(share > EDGE**3, np.cbrt(share), share / (3 * EDGE**2) + np.float32(4 / 29))
    x, y, z = bent.T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], 1).astype(np.float32)


def from_lab(lab: Pixels) -> Pixels:
    """(N, 3) sRGB of `lab` (N, 3), in [0, 1]: colours that a screen cannot show are cut off."""
    y = (lab[:, 0] + 16) / 116
    bent = np.stack([y + lab[:, 1] / 500, y, y - lab[:, 2] / 200], 1)
    share = np.where(bent > EDGE, bent**3, 3 * EDGE**2 * (bent - np.float32(4 / 29)))
    linear = ((share * WHITE) @ FROM_XYZ.T).clip(0, 1)
    rgb = np.where(linear > 0.0031308, 1.055 * linear ** (1 / 2.4) - 0.055, linear * 12.92)
    result: Pixels = rgb.clip(0, 1).astype(np.float32)
    return result
