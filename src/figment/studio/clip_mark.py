"""What is laid on every frame of a clip with swapped faces: the label that people see, and the invisible watermark."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from figment.trust.badge import badge
from figment.trust.own_mark import own_watermark
from figment.trust.verify import some_frames

__all__ = ["ClipMark"]

Frame = NDArray[np.uint8]


class ClipMark:
    """The marks of one clip; `about` is what tells it from other clips, such as hashes of what it is made of."""

    def __init__(self, about: str) -> None:
        digest = hashlib.sha256(about.encode()).digest()
        self.payload = int.from_bytes(digest[:8], "big")
        self.start = (digest[8], digest[9])
        """Where the tiles of the watermark begin in every frame."""

    def __call__(self, frame: Frame) -> Frame:
        """Copy of `frame`, uint8 (H, W, 3), with both marks. Raises InputError where the label would not fit."""
        return own_watermark().embed(badge(frame), self.payload, self.start)

    def found(self, clip: Path) -> dict[str, Any]:
        """What the credentials of `clip` say of its watermark, which encoding may have worn away."""
        mark = own_watermark().detect_frames(some_frames(clip))
        if not mark.present:
            return {"present": False, "reason": "it would not be found in this clip"}
        return {"present": True} | ({"payload": f"{self.payload:016x}"} if mark.payload == self.payload else {})
