"""The last steps of every picture: watermark, encoding, metadata, signature; each covers what came before it."""

import hashlib
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from figment.pixels.files import Format, encode
from figment.trust.keys import Identity
from figment.trust.labels import Provenance
from figment.trust.metadata import describe
from figment.trust.own_mark import own_watermark
from figment.trust.sign import sign
from figment.trust.watermark import capacity

__all__ = ["stamp"]

Picture = NDArray[np.uint8]


def stamp(image: Picture, format: Format, text: str, provenance: Provenance) -> bytes:
    """File of `image`, uint8 (H, W, 3) or (H, W, 1), watermarked, with `text` as its settings, and signed.

    Watermark and metadata depend on nothing but the picture and this installation; a signature is new each time.
    Raises PixelError where the format cannot hold it, CredentialsError or OutputError where it cannot be signed.
    """
    marked, facts = _marked(image)
    described = describe(encode(marked, format, text=text), format, provenance.source_type)
    return sign(described, format, replace(provenance, watermark=facts), Identity.ensure())


def _marked(image: Picture) -> tuple[Picture, dict[str, Any]]:
    """`image` with the watermark in it and what the credentials say of that; as it is where it would not be found."""
    height, width, channels = image.shape
    room = capacity(height, width)
    if room == 0:
        return image, {"present": False, "reason": "the picture is too small to carry it"}
    payload = int.from_bytes(hashlib.sha256(image.tobytes()).digest()[:8], "big")
    watermark = own_watermark()
    marked = watermark.embed(image if channels == 3 else image.repeat(3, axis=2), payload)
    found = watermark.detect(marked)
    if not found.present:
        return image, {"present": False, "reason": "it would not be found in this picture"}
    facts: dict[str, Any] = {"present": True}
    if found.payload == payload:
        facts["payload"] = f"{payload:016x}"
    return marked[..., :channels], facts
