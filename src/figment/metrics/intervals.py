"""How sure a share is."""

import math

__all__ = ["Z", "wilson"]

Z = 1.959964  # standard normal quantile of 97.5 %


def wilson(hits: int, total: int) -> tuple[float, float]:
    """95 % interval, within [0, 1], of the share `hits` of `total` trials, at least one (Wilson 1927)."""
    share = hits / total
    centre = (share + Z**2 / (2 * total)) / (1 + Z**2 / total)
    half = Z / (1 + Z**2 / total) * math.sqrt(share * (1 - share) / total + Z**2 / (4 * total**2))
    return max(0.0, centre - half), min(1.0, centre + half)
