"""A clip merged, from its file to merged frames and masks on disk: without a network, and with Quick96's.

    python benchmarks/merge_clip.py ../shared/media/actor_b.mp4

Frames are decoded, their faces cut out, drawn, and put in with the settings of a fresh project. The network's weights
are random: what it draws is no face, but takes as long. Prints the ratio to 15 frames a second.
"""

import argparse
import shutil
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from figment.core.task import finish
from figment.faceswap.align import FaceType, matrix
from figment.faceswap.faceset import AlignedFace
from figment.faceswap.frames import images
from figment.faceswap.merge.drawing import Swapper
from figment.faceswap.merge.footage import Footage
from figment.faceswap.merge.session import Session
from figment.faceswap.merging import Merging
from figment.faceswap.model import Shape, SwapModel, SwapNetwork
from figment.faceswap.models import detectors, landmarkers
from figment.faceswap.side import Side
from figment.faceswap.workspace import Workspace

WANTED, SIZE = 15, 96


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
    swappers = {
        "no network": Swapper(given_back, SIZE, FaceType.FULL, "none"),
        "Quick96's network": SwapModel(SwapNetwork(Shape())).swapper(),
    }
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(arguments.clip, Path(folder) / f"data_dst{arguments.clip.suffix}")
        side = Workspace(Path(folder)).dst
        faces = found(side, arguments.frames)
        footage = Footage(partial(images, side), side.count, faces)
        print(f"{len(faces)} faces in {arguments.frames} frames, {torch.get_num_threads()} threads of torch")
        for name, swapper in swappers.items():
            for warm in (True, False):
                session = Session(Path(folder) / f"{name} {warm}", "clip", side.count, lambda _: None)
                wall, work = time.perf_counter(), time.process_time()
                made = finish(Merging(footage, session, swapper).run())
            wall, work = (time.perf_counter() - wall) / made, (time.process_time() - work) / made
            print(f"{name:26} {1 / wall:6.1f} frames/s {1000 * work:7.1f} CPU ms  x{1 / wall / WANTED:.2f}", flush=True)


if __name__ == "__main__":
    main()
