"""The preview of a swap."""

from pathlib import Path

import numpy as np
import torch
from tests.faceswap.made_swap import training, workspace

from figment.faceswap.preview import GAP, page


def test_columns_are_faces_and_what_becomes_of_them(tmp_path: Path) -> None:
    done = training(workspace(tmp_path, 40))
    src, dst = done.kept
    assert len(src.face) == 4
    shown = page(done.network, src, dst).astype(float) / 255
    assert shown.shape == (2 * 4 * 32 + GAP, 5 * 32, 3)
    with torch.no_grad():
        swapped, mask = done.network(dst.face, "src")
    tile = np.s_[32:64, 128:160]
    assert np.allclose(shown[tile], swapped[1].permute(1, 2, 0), atol=0.01)
    assert np.allclose(shown[:32, 64:96], dst.face[0].permute(1, 2, 0), atol=0.01)
    below = shown[4 * 32 + GAP :]
    assert np.allclose(below[tile], (swapped * mask)[1].permute(1, 2, 0), atol=0.01)
    assert np.allclose(below[:32, :32], (src.face * src.mask)[0].permute(1, 2, 0), atol=0.01)
