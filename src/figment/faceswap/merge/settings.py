"""How swapped faces are put into the frames: what each setting means, within which bounds.

Names, ranges and what a fresh project starts with are DeepFaceLab's, so that its guides and its keys go on being true;
`fit`, which it does not have, is the only addition.
"""

from enum import StrEnum
from typing import Annotated

from figment.core.config import Field, config

__all__ = ["Colour", "MaskMode", "MergeSettings", "Mode", "Sharpen"]


class Mode(StrEnum):
    """How a face is put into the frame."""

    ORIGINAL = "original"
    OVERLAY = "overlay"
    HIST_MATCH = "hist-match"
    SEAMLESS = "seamless"
    SEAMLESS_HIST_MATCH = "seamless-hist-match"
    RAW_RGB = "raw-rgb"
    RAW_PREDICT = "raw-predict"


class MaskMode(StrEnum):
    """Which part of the aligned square is the face."""

    FULL = "full"
    DST = "dst"
    LEARNED_PRD = "learned-prd"
    LEARNED_DST = "learned-dst"
    PRODUCT = "learned-prd*learned-dst"
    SUM = "learned-prd+learned-dst"


class Colour(StrEnum):
    """How the face takes on the colours of the face that it covers."""

    NONE = "none"
    RCT = "rct"
    LCT = "lct"
    MKL = "mkl"
    IDT = "idt"
    SOT = "sot"
    MIX = "mix"


class Sharpen(StrEnum):
    """What the face is compared with to sharpen it."""

    NONE = "none"
    BOX = "box"
    GAUSS = "gauss"


Percent = Annotated[int, Field(ge=0, le=100)]


@config
class MergeSettings:
    """How a frame is merged. Widths are in 1,024ths of the aligned square's side."""

    mode: Mode = Mode.OVERLAY
    """How the face is put into the frame: laid over, with matched histograms, seamlessly, or raw for looking at."""
    mask: MaskMode = MaskMode.PRODUCT
    """Which part is put there: the hull of the landmarks (dst), the masks of the network, or the full square."""
    colour: Colour = Colour.RCT
    """How the face takes on the colours below it: rct is quick, idt and sot match all of the colours, slower."""
    threshold: Annotated[int, Field(ge=0, le=255)] = 238
    """Matched histograms: values above it, which are highlights, have no say."""
    masked_histogram: bool = True
    """Matched histograms: only what is under the mask counts, not the whole square."""
    erode: Annotated[int, Field(ge=-400, le=400)] = 0
    """Width of the brush that goes around the mask's edge and takes away, or adds where it is below 0."""
    blur: Annotated[int, Field(ge=0, le=400)] = 0
    """Width of the brush that softens the mask's edge."""
    motion_blur: Percent = 0
    """How much of the way that the face moves between its neighbouring frames it is smeared along."""
    face_scale: Annotated[int, Field(ge=-50, le=50)] = 0
    """Percent by which the face is larger than the one it covers."""
    fit: Percent = 100
    """How much of what eyes, nose, mouth and outline of the face are off alike all over the clip is taken back, and how
    far eyes are closed with those of the clip."""
    super_resolution: Percent = 0
    """Percent of an enlarged face with more detail in what is put there."""
    sharpen: Sharpen = Sharpen.NONE
    """What the face is compared with to sharpen it: its mean over a box, or over a Gaussian."""
    sharpness: Annotated[int, Field(ge=-100, le=100)] = 0
    """How much the face is sharpened; below 0 it is blurred."""
    denoise: Annotated[int, Field(ge=0, le=500)] = 0
    """Denoises the frame around the face, one pass for each 100, where the face is cleaner than the clip."""
    bicubic_degrade: Percent = 0
    """Blurs the frame around the face, by making it smaller by this percentage and larger again."""
    colour_degrade: Percent = 0
    """Percent of a version with 256 colours in the merged frame."""
