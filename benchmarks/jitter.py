"""How much landmarks shake, raw and steadied, in a clip whose motion is known, and how far they lag behind it.

    python benchmarks/jitter.py

A portrait moves, turns and grows smoothly, seen by a camera with noise. Jitter is the root mean square of the second
difference of what landmarks differ from the motion; error is their mean distance from it, where a face's own points
are the mean of all frames laid upright, so that what the landmarker always says wrong does not count; lag is the shift
in frames, in steps of a tenth, at which the motion fits best.
"""

import numpy as np
from numpy.typing import NDArray
from skimage.data import astronaut

from figment.faceswap.affine import backward, moved
from figment.faceswap.lanczos import warped
from figment.faceswap.models.detectors import blazeface
from figment.faceswap.models.landmarkers import face_mesh
from figment.faceswap.smoothing import smoothed

FRAMES, SIZE, NOISE = 90, 320, 4.0


def motion(times: NDArray[np.float64]) -> NDArray[np.float32]:
    """(T, 2, 3): what moves the picture to the frame at each of `times`, in frames."""
    angle = 0.15 * np.sin(2 * np.pi * times / 45)
    scale = 1.6 + 0.15 * np.sin(2 * np.pi * times / 60)
    cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
    x = SIZE / 2 + 40 * np.sin(2 * np.pi * times / 40) - cosine * 222 + sine * 110
    y = SIZE / 2 + 15 * np.sin(2 * np.pi * times / 30) - sine * 222 - cosine * 110
    return np.stack([np.stack([cosine, -sine, x], 1), np.stack([sine, cosine, y], 1)], 1).astype(np.float32)


def seen() -> NDArray[np.float32]:
    """(90, 68, 2): what the landmarker says of the frames."""
    rng = np.random.default_rng(0)
    points = []
    for place in motion(np.arange(FRAMES, dtype=np.float64)):
        clean = warped(astronaut(), place, SIZE)
        frame = (clean + rng.normal(0, NOISE, clean.shape)).clip(0, 255).astype(np.uint8)
        points.append(face_mesh.landmarks(frame, blazeface.detect(frame[None])[0][:1])[0])
    return np.stack(points).astype(np.float32)


def true(points: NDArray[np.float32], lag: float = 0.0) -> NDArray[np.float64]:
    """Where the face's own points are in frames that come `lag` frames late."""
    places = motion(np.arange(FRAMES, dtype=np.float64))
    own = np.mean([moved(each, backward(place)) for each, place in zip(points, places, strict=True)], 0)
    late = motion(np.arange(FRAMES, dtype=np.float64) - lag)
    return np.stack([moved(own, place) for place in late]).astype(np.float64)


def main() -> None:
    raw = seen()
    print(f"{'':9} {'jitter':>8} {'error':>8} {'lag':>6}")
    for name, points in (("raw", raw), ("steadied", smoothed(raw))):
        rest = points - true(raw)
        jitter = np.sqrt((np.diff(rest, 2, axis=0) ** 2).mean())
        error = np.linalg.norm(rest, axis=2).mean()
        lags = np.round(np.arange(-2, 2.05, 0.1), 1)
        lag = min(lags, key=lambda lag: float(np.square(points - true(raw, lag)).mean()))
        print(f"{name:9} {jitter:8.3f} {error:8.3f} {lag:6.1f}")


if __name__ == "__main__":
    main()
