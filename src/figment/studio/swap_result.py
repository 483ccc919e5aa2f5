"""From a trained network to a clip that says what was done to it: merged, labelled, marked, signed and noted."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from figment.core.config import from_dict, to_dict
from figment.core.errors import InputError
from figment.core.files import beside
from figment.core.task import Progress, Task
from figment.faceswap import merging
from figment.faceswap.frames import images
from figment.faceswap.merge import MergeSettings
from figment.faceswap.merge.footage import Frame
from figment.faceswap.merge.plan import read_plan
from figment.faceswap.merging import Merging
from figment.faceswap.model import SwapModel
from figment.faceswap.report.strip import Strip
from figment.faceswap.trained import trained
from figment.faceswap.video import VideoSettings, encode, masks
from figment.faceswap.workspace import Step, Workspace
from figment.studio.clip_mark import ClipMark
from figment.studio.gallery import Gallery
from figment.studio.swap import ingredient, permitted
from figment.studio.swap_consent import Grants, allowed, note_output
from figment.trust.consent import Scope
from figment.trust.labels import Operation, Provenance

__all__ = ["STRIP", "merged", "merging_of", "opened", "result"]

STRIP = "result_strip.png"


def opened(workspace: Workspace) -> Task[Merging]:
    """The merge of the clip dst, to go through frame by frame; each frame is labelled and marked as it is made.

    Raises ConsentError or SensitiveError where the faces may not be used so, InputError where nothing was trained.
    """
    yield from permitted(workspace, Scope.SWAP)
    return merging_of(workspace, trained(workspace))


def merged(workspace: Workspace, given: Mapping[str, Any], plan: Path | None = None) -> Task[int]:
    """Merge the clip dst; how many frames were made.

    Settings of the file `plan`, or those that are usual, with those `given` in their place, replace those that were
    kept of each frame; with neither these stay. Raises as `opened` does, and InputError for unknown settings.
    """
    each = _settings(workspace, given, plan)
    yield from permitted(workspace, Scope.SWAP)
    model = trained(workspace)
    return (yield from merging.merge(workspace, model.swapper(), each, _mark(workspace, model)))


def result(workspace: Workspace, settings: VideoSettings, *, with_masks: bool = False) -> Task[Path]:
    """Make the clip of what was merged, with the sound of dst, and a strip of frames before and after; the clip.

    With `with_masks` a second clip shows where faces were put. Raises ConsentError where a consent holds no more.
    """
    grants = allowed(workspace, Scope.SWAP)
    state, model = workspace.state(Step.MERGE), trained(workspace)
    if state.state != "done":
        raise InputError("The clip is not merged yet; `figment swap merge` does so.")
    strip_file = workspace.root / STRIP
    made = (workspace.result, workspace.result_mask, strip_file)
    workspace.begin(Step.VIDEO, {**to_dict(settings), "masks": with_masks}, made)
    done, side = merging_of(workspace, model), workspace.dst
    strip, gallery = Strip(side.count), Gallery()
    watched = (_seen(strip, *trio) for trio in zip(range(side.count), images(side), done.frames(), strict=True))
    about = _provenance(workspace, model, grants)
    with beside(workspace.result) as part:
        yield from encode(side, watched, part, settings)
        gallery.save_clip(part, _mark(workspace, model), about, part)
    if with_masks:
        with beside(workspace.result_mask) as part:
            yield from encode(side, masks(done.masks()), part, VideoSettings(lossless=True), sound=False)
            gallery.save_clip(part, None, about, part)
    picture = strip.picture()
    if picture is not None:
        gallery.save(picture, None, about, path=strip_file)
    note_output(grants, workspace.result)
    yield Progress(side.count, side.count, "signed")
    workspace.finish(Step.VIDEO, {"frames": side.count, "bytes": workspace.result.stat().st_size})
    return workspace.result


def _seen(strip: Strip, number: int, before: Frame, after: Frame) -> Frame:
    strip.add(number, before, after)
    return after


def merging_of(workspace: Workspace, model: SwapModel) -> Merging:
    """The merge of the clip dst by `model`, whose frames are labelled and marked."""
    return Merging.of(workspace, model.swapper(), _mark(workspace, model))


def _mark(workspace: Workspace, model: SwapModel) -> ClipMark:
    return ClipMark(f"{workspace.dst.digest} {model.digest}")


def _provenance(workspace: Workspace, model: SwapModel, grants: Grants) -> Provenance:
    """The clip dst was opened, a face of src was placed, and the network edited it, by consent of both."""
    return Provenance.of(
        Operation.SWAP,
        model="face swap",
        model_sha256=model.digest,
        inputs=(ingredient(workspace.dst, "target clip"), ingredient(workspace.src, "source of the face")),
        consent_sha256=grants.sha256,
    )


def _settings(workspace: Workspace, given: Mapping[str, Any], plan: Path | None) -> list[MergeSettings] | None:
    if plan is None and not given:
        return None
    count = workspace.dst.count
    each = [MergeSettings()] * count if plan is None else read_plan(plan, count)
    changed = {one: from_dict(MergeSettings, {**to_dict(one), **given}) for one in set(each)}
    return [changed[one] for one in each]
