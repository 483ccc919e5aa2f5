"""Faces cut out upright, for embedders: eyes, nose and corners of the mouth where the network's training had them."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from figment.faceswap.affine import similarity
from figment.faceswap.models.crops import cropped

__all__ = ["ARCFACE", "DLIB", "embedded", "five"]

ARCFACE = np.array([[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]])
"""Five points in crops of 112 (Deng et al. 2019, ArcFace, and all who use its training data)."""
DLIB = np.array([[47.0, 46.7], [100.5, 46.7], [73.8, 77.4], [46.4, 100.5], [101.2, 100.5]])
"""In crops of 150 as dlib cuts them with a padding of a quarter; see `scripts/fit_face_points.py`."""
AT_ONCE = 16


def five(landmarks: NDArray[np.float32]) -> NDArray[np.float32]:
    """(5, 2) of (68, 2): middles of the eyes, tip of the nose, corners of the mouth."""
    eyes = [landmarks[36:42].mean(0), landmarks[42:48].mean(0)]
    return np.stack([*eyes, landmarks[30], landmarks[48], landmarks[54]])


@torch.inference_mode()
def embedded(
    network: nn.Module,
    frame: NDArray[np.uint8],
    landmarks: NDArray[np.float32],
    template: NDArray[np.float64],
    size: int,
) -> NDArray[np.float32]:
    """(N, D) of length 1: what `network` says of crops of `size`, the five points of each face at the template's."""
    matrices = [similarity(five(face), template) for face in landmarks]
    crops = torch.stack([cropped(frame, matrix, size) for matrix in matrices] or [torch.zeros(3, size, size)])
    answers = [network(some.contiguous(memory_format=torch.channels_last)) for some in torch.split(crops, AT_ONCE)]
    return nn.functional.normalize(torch.cat(answers)).numpy()[: len(matrices)]
