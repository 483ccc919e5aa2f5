"""How `face_mesh_68.safetensors` and the template of dlib's crops were made: by what dlib says of portraits.

    pip install dlib-bin face-recognition-models
    python scripts/fit_face_points.py PORTRAITS src/figment/faceswap/weights

Each of dlib's 68 points is put between the nearest points of the mesh, with shares that are not negative and sum to 1,
so that it moves with the mesh however that turns. Since portraits seldom show mouths open or eyes shut, points of the
upper lip and lid lie only between points of that, those of the lower ones likewise, and the edge of the mouth only
between points of its edge. The shares are fitted by least squares on two of every three portraits; the others tell how
far the two are apart, in distances between the eyes.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from scipy.optimize import nnls

from figment.faceswap.models import chips, dlib_files
from figment.faceswap.models.detectors import blazeface_near, dlib_hog
from figment.faceswap.models.landmarkers import dlib_trees, face_mesh
from figment.pixels.files import load

Points = NDArray[np.float64]
NEIGHBOURS = 12
"""Points of the mesh that a landmark may lie between."""
EVEN = 0.02
"""How much the shares are drawn together: the noise of single points then averages out."""
CHIP, PADDING = 150, 0.25


EDGE = slice(60, 68)
UPPER = (37, 38, 43, 44, 49, 50, 51, 52, 53, 61, 62, 63)
LOWER = (40, 41, 46, 47, 55, 56, 57, 58, 59, 65, 66, 67)


def gathered(folder: Path) -> tuple[Points, Points]:
    """dlib's points (N, 68, 2) and the mesh's (N, 468, 2), where both find one face."""
    points, meshes = [], []
    for path in sorted(folder.rglob("*.jpg")):
        image = load(path)
        theirs, ours = dlib_hog.detect(image[None])[0], blazeface_near.detect(image[None])[0]
        if len(theirs) == 1 and len(ours) == 1:
            points.append(dlib_trees.landmarks(image, theirs)[0])
            meshes.append(face_mesh.mesh(image, ours)[0][0, :, :2])
    return np.array(points, float), np.array(meshes, float)


def fitted(points: Points, meshes: Points) -> tuple[NDArray[np.int64], Points]:
    """Numbers (68, K) of points of the mesh, and their shares."""
    unit = eyes_apart(points)[:, None, None]
    centre = points.mean(1, keepdims=True)
    points, meshes = (points - centre) / unit, (meshes - centre) / unit
    apart = np.linalg.norm(meshes.mean(0)[None] - points.mean(0)[:, None], axis=2)
    lower, upper = sides()
    apart[np.ix_(UPPER, lower)] = apart[np.ix_(LOWER, upper)] = np.inf
    inside = np.isin(np.arange(meshes.shape[1]), face_mesh.PARTS[0][20:40])
    apart[EDGE, ~inside] = np.inf
    index = np.argsort(apart, axis=1)[:, :NEIGHBOURS]
    shares = []
    for number, near in enumerate(index):
        allowed = np.isfinite(apart[number, near])
        system = meshes[:, near].transpose(0, 2, 1).reshape(-1, NEIGHBOURS) * allowed
        ones, even = 1e4 * allowed[None], EVEN * len(system) ** 0.5 * np.eye(NEIGHBOURS)
        found, _ = nnls(
            np.vstack([system, ones, even]), np.concatenate([points[:, number].ravel(), [1e4], np.zeros(NEIGHBOURS)])
        )
        shares.append(found / found.sum())
    return index, np.array(shares)


def sides() -> tuple[list[int], list[int]]:
    """Points of the mesh below and above the gaps between lips and lids, without the corners.

    The mesh tells both part by part in rings, each from corner to corner below and then back above.
    """
    lower: list[int] = []
    upper: list[int] = []
    for part, rings, ring, below in zip(face_mesh.PARTS, (4, 3, 3), (20, 16, 16), (11, 9, 9), strict=True):
        for start in range(0, rings * ring, ring):
            lower += part[start + 1 : start + below - 1]
            upper += part[start + below : start + ring]
    return lower, upper


def eyes_apart(points: Points) -> Points:
    """(N,) distances between the middles of the eyes of (N, 68, 2)."""
    distances: Points = np.linalg.norm(points[:, 36:42].mean(1) - points[:, 42:48].mean(1), axis=1)
    return distances


def template(points: Points) -> Points:
    """(5, 2): where the five points lie on average in what dlib cuts out, mirrored and averaged."""
    dlib = dlib_files.module()
    places = []
    for face in points:
        parts = [dlib.point(int(x), int(y)) for x, y in face]
        details = dlib.get_face_chip_details(
            dlib.full_object_detection(dlib.rectangle(0, 0, 9, 9), parts), CHIP, PADDING
        )
        rect, turn = details.rect, np.exp(-1j * details.angle)
        middle = complex(rect.left() + rect.right(), rect.top() + rect.bottom()) / 2
        spots = (chips.five(face) @ [1, 1j] - middle) * turn * CHIP / rect.width()
        places.append(np.stack([spots.real, spots.imag], 1) + (CHIP - 1) / 2)
    mean = np.mean(places, axis=0)
    middle = mean[[0, 1, 3, 4], 0].mean()
    mirrored = mean[[1, 0, 2, 4, 3]] * [-1, 1] + [2 * middle, 0]
    result: Points = (mean + mirrored) / 2
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("portraits", type=Path)
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    points, meshes = gathered(options.portraits)
    kept = np.arange(len(points)) % 3 != 0
    index, shares = fitted(points[kept], meshes[kept])
    read = np.einsum("nlkc,lk->nlc", meshes[:, index], shares)
    errors = np.linalg.norm(read - points, axis=2) / eyes_apart(points)[:, None]
    print(f"{len(points)} portraits; distance to dlib {errors[kept].mean():.4f}, held out {errors[~kept].mean():.4f}")
    print("dlib's template:", template(points).round(1).tolist())
    tensors = {"index": torch.from_numpy(index).to(torch.int32), "share": torch.from_numpy(shares).float()}
    save_file(tensors, options.out / "face_mesh_68.safetensors")


if __name__ == "__main__":
    main()
