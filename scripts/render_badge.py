"""Render the wording of the visible label into src/figment/trust/badge.png.

    python scripts/render_badge.py NanumGothicBold.ttf

The font is NanumGothic Bold (NAVER Corporation, SIL Open Font License 1.1; Debian package fonts-nanum 20200506). The
picture is a document made with the font, not the font, so the licence does not extend to it.

Three rows of equal height, black ground, white letters: the whole wording, its Korean part, its English part. All
three stand on one baseline height, so that any of them can be scaled alone.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from figment.trust.badge import ASSET, ENGLISH, KOREAN, TEXT

SIZE = 110
ROOM = 20
"""Pixels left free around the letters before the rows are cut to size."""


def render(font_path: str) -> Image.Image:
    """The three rows as one picture of mode L."""
    font = ImageFont.truetype(font_path, SIZE)
    rows = [_drawn(text, font) for text in (TEXT, KOREAN, ENGLISH)]
    inked = np.flatnonzero(rows[0].any(axis=1))
    top, bottom = int(inked[0]), int(inked[-1]) + 1
    width = max(row.shape[1] for row in rows)
    cut = [np.pad(row[top:bottom], ((0, 0), (0, width - row.shape[1]))) for row in rows]
    return Image.fromarray(np.concatenate(cut))


def _drawn(text: str, font: ImageFont.FreeTypeFont) -> np.ndarray:
    """Letters without free columns at either side; their rows are not cut."""
    canvas = Image.new("L", (round(font.getlength(text)) + 2 * ROOM, SIZE + 2 * ROOM))
    ImageDraw.Draw(canvas).text((ROOM, ROOM), text, fill=255, font=font)
    levels = np.asarray(canvas)
    inked = np.flatnonzero(levels.any(axis=0))
    return levels[:, inked[0] : inked[-1] + 1]


if __name__ == "__main__":
    render(sys.argv[1]).save(Path(str(ASSET)), optimize=True)
    print(ASSET)
