"""A codebook: vectors are replaced by the nearest of K learnt ones (van den Oord et al. 2017, VQ-VAE)."""

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss, normalize, one_hot

__all__ = ["Codebook", "Gradient", "Quantised"]

Gradient = Literal["rotation", "straight"]
RARE = 0.1
"""Share of the mean use below which a code is given a new place."""


class Quantised(NamedTuple):
    """Vectors after a codebook."""

    vectors: Tensor
    """(B, D, H, W), with gradients to what was quantised."""
    codes: Tensor
    """(B, H, W) numbers of the vectors."""
    commitment: Tensor
    """Mean squared distance of what was quantised from its code; a scalar."""
    perplexity: Tensor
    """Codes that would, used evenly, be as varied as those of this batch; a scalar."""


class Codebook(nn.Module):
    """K codes of D numbers, each the moving average of the vectors that chose it (VQ-VAE, appendix A.1).

    A code that hardly any vector chooses is moved onto a vector of the batch, so that none stays unused. Gradients pass
    by rotation (Fifty et al. 2024): a vector's are turned and scaled as the vector was, which keeps the angle between
    the two; or straight through, as in the first paper.
    """

    vectors: Tensor
    counts: Tensor
    sums: Tensor
    begun: Tensor

    def __init__(
        self, codes: int, width: int, *, gradient: Gradient = "rotation", restarts: bool = True, decay: float = 0.99
    ) -> None:
        super().__init__()
        self.gradient, self.restarts, self.decay = gradient, restarts, decay
        self.register_buffer("vectors", torch.randn(codes, width) * width**-0.5)
        self.register_buffer("counts", torch.ones(codes))
        self.register_buffer("sums", self.vectors.clone())
        self.register_buffer("begun", torch.zeros((), dtype=torch.int64))

    def forward(self, x: Tensor) -> Quantised:
        """Quantise (B, D, H, W); in training mode the codebook follows. Computed in float32."""
        with torch.autocast(x.device.type, enabled=False):
            return self._quantised(x.float())

    def _quantised(self, x: Tensor) -> Quantised:
        rows = x.permute(0, 2, 3, 1).flatten(0, 2)
        if self.training:
            self._begin(rows.detach())
        codes = self.nearest(rows.detach())
        chosen = self.vectors[codes]
        if self.training:
            self._follow(rows.detach(), codes)
        passed = _rotated(rows, chosen) if self.gradient == "rotation" else rows + (chosen - rows).detach()
        shares = torch.bincount(codes, minlength=len(self.vectors)) / len(codes)
        perplexity = (-(shares * shares.clamp(min=1e-12).log()).sum()).exp()
        batch, width, height, across = x.shape
        vectors = passed.view(batch, height, across, width).permute(0, 3, 1, 2)
        return Quantised(vectors, codes.view(batch, height, across), mse_loss(rows, chosen), perplexity)

    def nearest(self, rows: Tensor) -> Tensor:
        """Number (N,) of the code nearest to each of `rows` (N, D)."""
        return (self.vectors.square().sum(dim=1) - 2 * rows @ self.vectors.T).argmin(dim=1)

    def looked_up(self, codes: Tensor) -> Tensor:
        """Vectors (B, D, H, W) of codes (B, H, W)."""
        return self.vectors[codes].permute(0, 3, 1, 2)

    @torch.no_grad()
    def _begin(self, rows: Tensor) -> None:
        """Put the codes onto vectors of the first batch."""
        if not int(self.begun):
            self.vectors.copy_(_some(rows, len(self.vectors)))
            self.sums.copy_(self.vectors)
            self.begun += 1

    @torch.no_grad()
    def _follow(self, rows: Tensor, codes: Tensor) -> None:
        chosen = one_hot(codes, len(self.vectors)).to(rows.dtype)
        self.counts.lerp_(chosen.sum(dim=0), 1 - self.decay)
        self.sums.lerp_(chosen.T @ rows, 1 - self.decay)
        mean = self.counts.mean()
        if self.restarts:
            rare = self.counts < RARE * mean
            fresh = _some(rows, len(self.vectors))
            self.counts.copy_(torch.where(rare, mean, self.counts))
            self.sums.copy_(torch.where(rare[:, None], fresh * mean, self.sums))
        self.vectors.copy_(self.sums / self.counts.clamp(min=1e-5)[:, None])


def _some(rows: Tensor, count: int) -> Tensor:
    """`count` of `rows` (N, D) by chance, slightly moved, so that no two are the same."""
    picked = rows[torch.randint(len(rows), (count,), device=rows.device)]
    return picked + 1e-3 * rows.std() * torch.randn_like(picked)


def _rotated(rows: Tensor, chosen: Tensor) -> Tensor:
    """`chosen`, as `rows` (N, D) turned and scaled by what gradients take for constant (Fifty et al. 2024, eq. 4)."""
    fixed = rows.detach()
    here, there = normalize(fixed), normalize(chosen)
    middle = normalize(here + there)
    turned = rows - 2 * (rows * middle).sum(1, keepdim=True) * middle + 2 * (rows * here).sum(1, keepdim=True) * there
    scaled: Tensor = turned * (chosen.norm(dim=1, keepdim=True) / fixed.norm(dim=1, keepdim=True).clamp(min=1e-6))
    return scaled
