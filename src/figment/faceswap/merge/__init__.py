"""Merging: swapped faces put into the frames of a clip, as settings say."""

from figment.faceswap.merge.blend import Enlarge, Merged, Swapped, merged
from figment.faceswap.merge.settings import Colour, MaskMode, MergeSettings, Mode, Sharpen

__all__ = ["Colour", "Enlarge", "MaskMode", "MergeSettings", "Merged", "Mode", "Sharpen", "Swapped", "merged"]
