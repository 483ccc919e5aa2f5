"""Training a swap as a user runs it: behind consent, and what the network makes on the way is signed."""

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from figment.core.task import Task
from figment.faceswap.batches import split
from figment.faceswap.quick96_weights import open_quick96
from figment.faceswap.trained import trained
from figment.faceswap.training import train
from figment.faceswap.training_recipes import SwapSettings
from figment.faceswap.workspace import Step, Workspace
from figment.studio.gallery import Gallery
from figment.studio.swap import permitted
from figment.studio.swap_consent import Grants, note_output
from figment.studio.swap_report import Written, report
from figment.trust.badge import badge
from figment.trust.consent import Scope
from figment.trust.labels import Operation, Provenance, SourceType

__all__ = ["PREVIEW", "imported_model", "learnt", "reported"]

FOOT = 0.15
"""Height of what is added for the label, in page heights; its letters are a twentieth of the whole."""
PREVIEW = "preview.png"
"""Page in the folder of the model: faces that are not learnt from, and what the network makes of them."""


def learnt(workspace: Workspace, settings: SwapSettings) -> Task[Path]:
    """Train on the faces of `workspace` and return where the network lies; see `figment.faceswap.training.train`.

    At every save the preview is written anew. Raises ConsentError or SensitiveError where the faces may not be learnt.
    """
    grants = yield from permitted(workspace, Scope.TRAIN)
    task = train(workspace, settings)
    try:
        while True:
            progress = next(task)
            if progress.preview is not None:
                place = workspace.model / PREVIEW
                Gallery().save(_labelled(progress.preview), None, _about(workspace, settings, grants), path=place)
                note_output(grants, place)
            yield progress
    except StopIteration as stop:
        path: Path = stop.value
        return path
    finally:
        task.close()


def imported_model(workspace: Workspace, folder: Path) -> Path:
    """Take in the Quick96 model that DeepFaceLab left in `folder`, executing nothing; where the network lies."""
    path = workspace.model / "quick96.safetensors"
    workspace.begin(Step.TRAIN, {"preset": "quick96", "from": "DeepFaceLab"}, [path])
    open_quick96(folder).save(path, 0, {})
    workspace.finish(Step.TRAIN, {"network": path.name})
    return path


def reported(workspace: Workspace) -> Task[Written]:
    """Measure the result of `workspace`, with the faces of src that training kept back."""
    return (yield from report(workspace, split(workspace.src.faceset)[1], trained(workspace)))


def _labelled(page: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """`page` with the label on a foot of its own, so that it hides no face."""
    foot = math.ceil(FOOT * len(page))
    return badge(np.pad(page, ((0, foot), (0, 0), (0, 0))))


def _about(workspace: Workspace, settings: SwapSettings, grants: Grants) -> Provenance:
    return Provenance(
        Operation.COMPOSE,
        SourceType.COMPOSITE_WITH_TRAINED_ALGORITHMIC_MEDIA,
        model=f"face swap ({settings.preset})",
        consent_sha256=grants.sha256,
    )
