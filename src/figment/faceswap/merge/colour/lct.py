"""Covariance of the colours along their principal axes (Hertzmann 2001, section 4.1; Gatys et al. 2016, PCA)."""

from figment.faceswap.merge.colour.linear import covariance, mapped, root
from figment.faceswap.merge.warp import Pixels


def transferred(source: Pixels, target: Pixels) -> Pixels:
    """`source` (N, 3) with the mean and the covariance of `target` (M, 3); may leave [0, 1]."""
    return mapped(source, target, root(covariance(target)) @ root(covariance(source), -0.5))
