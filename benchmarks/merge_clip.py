"""A clip merged, from its file to merged frames and masks on disk: without a network, and with one of Quick96's size.

    python benchmarks/merge_clip.py ../shared/media/actor_b.mp4

Frames are decoded, their faces cut out, drawn, and put in with the settings of a fresh project. The network's weights
are random: what it draws is no face, but takes as long. Prints the ratio to 15 frames a second.
"""

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import Conv2d, LeakyReLU, PixelShuffle, Sequential

from figment.core.task import finish
from figment.faceswap.align import FaceType, matrix
from figment.faceswap.faceset import AlignedFace
from figment.faceswap.frames import images
from figment.faceswap.merge.drawing import Swapper
from figment.faceswap.merge.footage import Footage
from figment.faceswap.merge.session import Session
from figment.faceswap.merging import Merging
from figment.faceswap.models import detectors, landmarkers
from figment.faceswap.side import Side
from figment.faceswap.workspace import Workspace

WANTED, SIZE = 15, 96
Swap = Callable[[NDArray[np.uint8]], tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]]


class Rest(nn.Module):
    """Two convolutions beside a short cut."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.path = Sequential(Conv2d(width, width, 3, 1, 1), LeakyReLU(0.2), Conv2d(width, width, 3, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.leaky_relu(x + self.path(x), 0.2)


def up(given: int, made: int) -> Sequential:
    """Twice as large."""
    return Sequential(Conv2d(given, 4 * made, 3, 1, 1), LeakyReLU(0.1), PixelShuffle(2))


def masking() -> Sequential:
    """Where the face is."""
    return Sequential(up(512, 128), up(128, 64), up(64, 32), up(32, 16), Conv2d(16, 1, 1))


class Network(nn.Module):
    """The layers of Quick96 that a merge needs: of the decoder of the face that is covered, its mask alone."""

    def __init__(self) -> None:
        super().__init__()
        sizes = ((3, 64), (64, 128), (128, 256), (256, 512))
        downs = [layer for a, b in sizes for layer in (Conv2d(a, b, 5, 2, 2), LeakyReLU(0.1))]
        middle = [nn.Flatten(), nn.Linear(18432, 128), nn.Linear(128, 1152), nn.Unflatten(1, (128, 3, 3)), up(128, 512)]
        self.code = Sequential(*downs, *middle)
        self.face = Sequential(up(512, 512), Rest(512), up(512, 256), Rest(256), up(256, 128), Rest(128))
        self.colours = nn.ModuleList(Conv2d(128, 3, size, 1, size // 2) for size in (1, 3, 3, 3))
        self.masks = nn.ModuleList(masking() for _ in range(2))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        code = self.code(x)
        face = self.face(code)
        rgb = nn.functional.pixel_shuffle(torch.cat([layer(face) for layer in self.colours], 1), 2)
        return rgb.sigmoid(), self.masks[0](code).sigmoid(), self.masks[1](code).sigmoid()


def drawn_by(network: Network, precision: torch.dtype) -> Swap:
    """What `network` draws at `precision`."""

    def swap(faces: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        x = torch.from_numpy(faces).permute(0, 3, 1, 2).float().div(255).contiguous(memory_format=torch.channels_last)
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=precision is torch.bfloat16):
            rgb, *masks = (part.float() for part in network(x))
        return rgb.permute(0, 2, 3, 1).numpy(), masks[0][:, 0].numpy(), masks[1][:, 0].numpy()

    return swap


def given_back(faces: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """The faces, a little darker, with a disc for a mask: no network."""
    y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    disc = np.repeat((0.42 * SIZE - np.hypot(x, y)).clip(0, 1).astype(np.float32)[None], len(faces), 0)
    return faces.astype(np.float32) * np.float32(0.9 / 255), disc, disc


def found(side: Side, count: int) -> list[AlignedFace]:
    """The surest face of each of the first `count` frames."""
    detector, landmarker = detectors.find(detectors.DEFAULT), landmarkers.find(landmarkers.DEFAULT)
    faces = []
    for number, frame in zip(range(count), images(side), strict=False):
        there = detector.detect(frame[None])[0][:1]
        for points, box in zip(landmarker.landmarks(frame, there), there, strict=True):
            place = matrix(points, SIZE, FaceType.FULL).astype(np.float32)
            landmarks = points @ place[:, :2].T + place[:, 2]
            size = (frame.shape[1], frame.shape[0])
            name = f"{number + 1:05d}_0.jpg"
            faces.append(
                AlignedFace(name, side.label, number, 0, "full", SIZE, landmarks, points, place, size, box.box)
            )
    return faces


def main() -> None:
    """Print a row for each network."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--frames", type=int, default=96)
    arguments = parser.parse_args()
    network = Network().eval()
    rows = {
        "no network": given_back,
        "Quick96's size, float32": drawn_by(network, torch.float32),
        "Quick96's size, bfloat16": drawn_by(network, torch.bfloat16),
    }
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(arguments.clip, Path(folder) / f"data_dst{arguments.clip.suffix}")
        side = Workspace(Path(folder)).dst
        faces = found(side, arguments.frames)
        footage = Footage(lambda first: images(side, first), side.count, faces)
        print(f"{len(faces)} faces in {arguments.frames} frames, {torch.get_num_threads()} threads of torch")
        for name, swap in rows.items():
            for warm in (True, False):
                session = Session(Path(folder) / f"{name} {warm}", "clip", side.count, lambda _: None)
                wall, work = time.perf_counter(), time.process_time()
                made = finish(Merging(footage, session, Swapper(swap, SIZE, FaceType.FULL, name)).run())
            wall, work = (time.perf_counter() - wall) / made, (time.process_time() - work) / made
            print(f"{name:26} {1 / wall:6.1f} frames/s {1000 * work:7.1f} CPU ms  x{1 / wall / WANTED:.2f}", flush=True)


if __name__ == "__main__":
    main()
