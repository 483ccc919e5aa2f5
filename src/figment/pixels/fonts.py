"""Fonts for captions: Pillow's own for ASCII, a font of the system for Hangul and other scripts."""

from functools import lru_cache

from PIL import ImageFont

__all__ = ["Font", "font_for"]

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

# Pillow looks these file names up in the font folders of Linux, macOS and Windows. All but the last hold Hangul.
_SYSTEM_FONTS = (
    "NotoSansCJK-Regular.ttc",
    "NotoSansCJKkr-Regular.otf",
    "NotoSansKR-Regular.otf",
    "NotoSansKR-Regular.ttf",
    "NanumGothic.ttf",
    "UnDotum.ttf",
    "AppleSDGothicNeo.ttc",
    "malgun.ttf",
    "DejaVuSans.ttf",
)


def font_for(text: str, size: int) -> Font:
    """A font of `size` pixels that can draw `text`, or Pillow's own when the system has none that can.

    Plain ASCII always gets Pillow's own, so that it looks the same on every machine.
    """
    return _bundled(size) if text.isascii() else _system(size)


@lru_cache
def _bundled(size: int) -> Font:
    return ImageFont.load_default(size)


@lru_cache
def _system(size: int) -> Font:
    for name in _SYSTEM_FONTS:
        try:
            return ImageFont.truetype(name, size)
        except OSError:  # not on this machine
            continue
    return _bundled(size)
