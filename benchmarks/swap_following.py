"""Whether a swapped face does what the other one does: how far eyes and mouth open and close with those of the target.

    python benchmarks/swap_following.py WORKSPACE [MODEL.safetensors ...]

Draws every third face of the target as the source and asks Face Mesh how far eyes and mouth are open; without a MODEL,
by the one that the workspace has. `figment swap report` tells the same of a merged clip; here nothing is merged. Prints
a JSON line for each model: the correlation of how far each is open with how far the target's is, and how far it goes as
a share of how far the target's goes. Likeness of faces kept back (SSIM) says nothing of it: every face is drawn as its
own person there.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from figment.faceswap.affine import moved
from figment.faceswap.align import matrix, openings, warped
from figment.faceswap.faces import Found
from figment.faceswap.merge.warp import levels
from figment.faceswap.model import SwapModel
from figment.faceswap.models import landmarkers
from figment.faceswap.report.result import following
from figment.faceswap.workspace import Workspace

EVERY = 3


def followed(workspace: Workspace, model: SwapModel) -> dict[str, list[float]]:
    """Correlation and share by which the swap of `model` opens and closes eyes and mouth with the target's."""
    landmarker = landmarkers.find(landmarkers.DEFAULT)
    faces = sorted(workspace.dst.faceset.faces(), key=lambda face: face.frame)[::EVERY]
    places = [matrix(face.landmarks, model.size, model.face_type) for face in faces]
    cuts = [
        warped(workspace.dst.faceset.image(face), place, model.size) for face, place in zip(faces, places, strict=True)
    ]
    found = []
    for face, place, drawn in zip(faces, places, model.swap(np.stack(cuts))[0], strict=True):
        near = Found.around(moved(face.landmarks, place).astype(np.float32))
        made = openings(landmarker.landmarks(levels(drawn), [near])[0])
        found.append((made, openings(face.source_landmarks)))
    made_all, was_all = zip(*found, strict=True)
    return {
        name: [round(value, 3) for value in following([one[part] for one in made_all], [one[part] for one in was_all])]
        for part, name in enumerate(("eyes follow", "mouth follows"))
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workspace", type=Path, help="with faces in data_dst/aligned")
    parser.add_argument("models", type=Path, nargs="*", metavar="MODEL", help="of `figment swap train`")
    options = parser.parse_args()
    workspace = Workspace(options.workspace)
    for path in options.models or [workspace.model / "figment.safetensors"]:
        print(json.dumps({"model": str(path), **followed(workspace, SwapModel.load(path))}), flush=True)


if __name__ == "__main__":
    main()
