"""One picture, vector or bitmap, as a square sprite that fills its canvas."""

import io

import resvg_py
from PIL import Image

__all__ = ["ENCODING", "rasterise", "rasterise_all"]

MARGIN = 1
"""Empty pixels kept on every side."""
OVERSAMPLING = 1.5
"""Vectors are drawn larger than needed, because cropping to what they show enlarges it."""
LARGEST_ZOOM = 1.6
"""Small marks stay smaller than large ones: enlarging them further would only blur."""
QUALITY = 80
ALPHA_QUALITY = 70
ENCODING = f"webp {QUALITY} {ALPHA_QUALITY}, margin {MARGIN}"
"""What the bytes of a sprite depend on beside its art and size."""
FAINT = 12
"""Alpha below which a pixel does not count as content: soft shadows would otherwise shrink the object."""


def rasterise(art: bytes, size: int) -> bytes:
    """`art`, an SVG document or WebP file, as a lossy WebP of `size` by `size` pixels with alpha."""
    with Image.open(io.BytesIO(art if art.startswith(b"RIFF") else _draw(art, round(size * OVERSAMPLING)))) as opened:
        sprite = _fit(opened.convert("RGBA"), size)
    out = io.BytesIO()
    sprite.save(out, "WEBP", quality=QUALITY, alpha_quality=ALPHA_QUALITY, method=4)
    return out.getvalue()


def rasterise_all(arts: list[bytes], size: int) -> list[bytes]:
    """Every picture of a shard; the unit of work of a worker process."""
    return [rasterise(art, size) for art in arts]


def _draw(svg: bytes, size: int) -> bytes:
    png: bytes = resvg_py.svg_to_bytes(svg_string=svg.decode(), height=size, skip_system_fonts=True)
    return png


def _fit(image: Image.Image, size: int) -> Image.Image:
    """Crop to what is visible, scale to the canvas less its margin, centre."""
    visible = image.getchannel("A").point(lambda alpha: 255 if alpha >= FAINT else 0).getbbox()
    canvas = Image.new("RGBA", (size, size))
    if visible is None:
        return canvas
    content = image.crop(visible)
    room = size - 2 * MARGIN
    zoom = min(room / max(content.size), LARGEST_ZOOM * room / max(image.size))
    width, height = (max(1, round(side * zoom)) for side in content.size)
    scaled = content.resize((width, height), Image.Resampling.LANCZOS)
    canvas.paste(scaled, ((size - width) // 2, (size - height) // 2))
    return canvas
