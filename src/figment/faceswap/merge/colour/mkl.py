"""Covariance of the colours by the linear map that moves them least (Pitié & Kokaram 2007: Monge-Kantorovitch)."""

from figment.faceswap.merge.colour.linear import covariance, mapped, root
from figment.faceswap.merge.warp import Pixels


def transferred(source: Pixels, target: Pixels) -> Pixels:
    """`source` (N, 3) with the mean and the covariance of `target` (M, 3); may leave [0, 1]."""
    ours = covariance(source)
    half, back = root(ours), root(ours, -0.5)
    return mapped(source, target, back @ root(half @ covariance(target) @ half) @ back)
