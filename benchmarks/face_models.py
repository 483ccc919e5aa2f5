"""Detectors, landmarkers and embedders side by side: what they find and miss, how far apart they are, what they cost.

    python benchmarks/face_models.py --portraits portraits.tar --clips actor_a.mp4 actor_b.mp4 two-people.gif:2

A number after a clip's name tells how many faces each of its frames shows. Milliseconds are of CPU time in one thread.
Distances are in those between the eyes. Still: how far points tremble where a portrait is moved, turned and resized by
known amounts, once these are undone. dlib, the reference of the 68 points, takes part where it is installed:
`pip install dlib-bin face-recognition-models`.
"""

import argparse
import io
import tarfile
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from figment.faceswap.affine import Matrix, backward, moved
from figment.faceswap.models import crops, detectors, embedders, landmarkers
from figment.pixels.clips import frames

Picture = NDArray[np.uint8]
Points = NDArray[np.float32]
Answer = TypeVar("Answer")
HAS_DLIB = find_spec("dlib") is not None
MOVES = 90


def portraits(path: Path, every: int) -> list[Picture]:
    with tarfile.open(path) as archive:
        names = sorted(name for name in archive.getnames() if name.endswith(".jpg"))[::every]
        files = [archive.extractfile(name) for name in names]
        return [np.array(Image.open(io.BytesIO(file.read())).convert("RGB")) for file in files if file]


def timed(ask: Callable[..., Answer], pictures: Sequence[tuple[Any, ...]]) -> tuple[list[Answer], float]:
    """What `ask` says of each of `pictures`, and its CPU milliseconds for one; the first is asked twice."""
    ask(*pictures[0])
    start = time.process_time()
    answers = [ask(*picture) for picture in pictures]
    return answers, (time.process_time() - start) * 1000 / len(pictures)


def usable(labels: dict[str, str]) -> list[str]:
    return [label for label in labels if HAS_DLIB or "dlib" not in label]


def eyes_apart(points: Points) -> NDArray[np.float64]:
    distances: NDArray[np.float64] = np.linalg.norm(points[:, 36:42].mean(1) - points[:, 42:48].mean(1), axis=1)
    return distances


def compare_detectors(sets: dict[str, tuple[list[Picture], int]]) -> None:
    print(f"{'detector':16}{'pictures':50}{'missed':>8}{'too many':>9}{'ms':>8}")
    for label in usable(detectors.labels()):
        for name, (pictures, faces) in sets.items():
            found, cost = timed(detectors.find(label).detect, [(image[None],) for image in pictures])
            counts = np.array([len(some) for (some,) in found])
            missed, more = (counts < faces).mean(), (counts > faces).mean()
            print(f"{label:16}{f'{len(pictures)} of {name}':50}{missed:8.1%}{more:9.1%}{cost:8.1f}", flush=True)


def moves() -> list[Matrix]:
    """Matrices (2, 3) of a head that nods and sways by up to 12 pixels, 15 degrees and a twentieth of its size."""
    result = []
    for phase in np.linspace(0, 2 * np.pi, MOVES, endpoint=False):
        angle, scale = 0.26 * np.sin(phase), 2 * (1 + 0.05 * np.sin(2 * phase))
        turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        shift = np.array([240 + 12 * np.cos(phase), 240 + 12 * np.sin(3 * phase)]) - turn @ [112, 137]
        result.append(np.concatenate([turn, shift[:, None]], 1))
    return result


def trembling(label: str, portrait: Picture) -> float:
    """Root mean square distance of points from their mean in the portrait, where it is shown as `moves` say."""
    told = []
    for matrix in moves():
        frame = crops.cropped(portrait, matrix, 480).permute(1, 2, 0).round().byte().numpy()
        face = detectors.find(detectors.DEFAULT).detect(frame[None])[0][:1]
        told.append(moved(landmarkers.find(label).landmarks(frame, face)[0], backward(matrix)))
    points = np.array(told)
    away = np.linalg.norm(points - points.mean(0), axis=2)
    return float(np.sqrt((away**2).mean()) / eyes_apart(points.mean(0)[None].astype(np.float32))[0])


def compare_landmarkers(sets: dict[str, tuple[list[Picture], int]], still: Picture) -> None:
    labels = usable(landmarkers.labels())
    print(f"\n{'landmarker':16}{'pictures':42}" + "".join(f"{'to ' + label:>13}" for label in labels) + f"{'ms':>8}")
    for name, (pictures, faces) in sets.items():
        if faces > 1:
            continue
        found = [detectors.find(detectors.DEFAULT).detect(image[None])[0][:1] for image in pictures]
        pairs = [(image, face) for image, face in zip(pictures, found, strict=True) if face]
        answers = {label: timed(landmarkers.find(label).landmarks, pairs) for label in labels}
        told = {label: np.concatenate(answer) for label, (answer, _) in answers.items()}
        for label, points in told.items():
            away = [np.linalg.norm(points - other, axis=2).mean(1) / eyes_apart(other) for other in told.values()]
            row = "".join(f"{distance.mean():13.4f}" for distance in away)
            print(f"{label:16}{f'{len(pairs)} of {name}':42}{row}{answers[label][1]:8.1f}", flush=True)
    for label in labels:
        print(f"{label:16}trembles by {trembling(label, still):.4f}", flush=True)


def compare_embedders(many: list[Picture], clips: list[list[Picture]]) -> None:
    """Portraits are of different people, frames of one clip of the same person."""
    titles = f"{'same at least':>14}{'others 99 %':>13}{'others most':>13}{'SAME':>7}{'taken for one':>15}{'ms':>8}"
    print(f"\n{'embedder':16}{titles}")
    detect, mark = detectors.find(detectors.DEFAULT).detect, landmarkers.find(landmarkers.DEFAULT).landmarks
    for label in usable(embedders.labels()):
        model = embedders.find(label)
        points = [mark(image, detect(image[None])[0][:1]) for image in many]
        answers, cost = timed(model.embed, list(zip(many, points, strict=True)))
        told = np.concatenate(answers)
        others = (told @ told.T)[np.triu_indices(len(told), 1)]
        same = []
        for clip in clips:
            shown = [model.embed(image, mark(image, detect(image[None])[0][:1])) for image in clip[::10]]
            same.append(float((np.concatenate(shown) @ np.concatenate(shown).T).min()))
        figures = f"{min(same):14.3f}{np.quantile(others, 0.99):13.3f}{others.max():13.3f}{model.SAME:7.2f}"
        print(f"{label:16}{figures}{(others > model.SAME).mean():15.3%}{cost:8.1f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--portraits", type=Path, required=True, help="a .tar of pictures of one face each")
    parser.add_argument("--every", type=int, default=1, help="take one portrait in so many")
    parser.add_argument("--clips", nargs="+", required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    many = portraits(options.portraits, options.every)
    sets = {"the portraits": (many, 1)}
    for clip in options.clips:
        path, _, faces = clip.partition(":")
        sets[Path(path).name] = (list(frames(Path(path))), int(faces or 1))
    compare_detectors(sets)
    compare_landmarkers(sets, many[0])
    compare_embedders(many, [pictures for pictures, faces in list(sets.values())[1:] if faces == 1])


if __name__ == "__main__":
    main()
