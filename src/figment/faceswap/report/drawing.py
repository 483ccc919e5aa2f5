"""A report as one picture: its frames, and how its numbers go over the clip."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from figment.faceswap.report.result import Measured, Report
from figment.pixels.curve import line_chart
from figment.pixels.fonts import font_for

__all__ = ["drawn"]

Picture = NDArray[np.uint8]
"""(H, W, 3) RGB."""
WIDTH, CHART = 960, 250
LINE, TEXT, EDGE = 22, 14, 16
"""Height of a line of the table, size of its letters and free pixels at its sides."""
INK, QUIET = (45, 45, 50), (120, 120, 128)
COLUMNS = (EDGE, 300, 640)
"""Where the columns of the table begin."""

_CHARTS: dict[str, dict[str, Callable[[Measured], float]]] = {
    "Likeness (cosine)": {"to the source": lambda face: face.to_source, "to the target": lambda face: face.to_target},
    "Off from the original": {
        "points, % of the eyes' distance": lambda face: face.landmarks,
        "apart from what stays the same": lambda face: face.movement,
        "pose, degrees": lambda face: face.pose,
    },
    "Open (by the width of an eye)": {
        "eyes after": lambda face: face.eyes,
        "eyes before": lambda face: face.eyes_before,
        "mouth after": lambda face: face.mouth,
        "mouth before": lambda face: face.mouth_before,
    },
    "Flicker (grey levels)": {"after": lambda face: face.flicker, "before": lambda face: face.flicker_before},
    "Seam (CIEDE2000)": {"after": lambda face: face.seam, "before": lambda face: face.seam_before},
}


def drawn(report: Report, label: Callable[[Picture], Picture] = lambda frames: frames) -> Picture:
    """`report` as a picture, uint8 (H, 960, 3): frames before and after, a table, charts by frame.

    The frames, 960 pixels wide, go through `label` first.
    """
    charts = [
        line_chart(
            {name: [(face.frame, value(face)) for face in report.faces] for name, value in lines.items()},
            WIDTH,
            CHART,
            title,
        )
        for title, lines in _CHARTS.items()
    ]
    return np.concatenate([*([] if report.strip is None else [label(_fitted(report.strip))]), _table(report), *charts])


def _fitted(strip: Picture) -> Picture:
    """`strip` as wide as the picture: made smaller, or with white beside it."""
    picture = Image.fromarray(strip)
    if picture.width > WIDTH:
        picture = picture.resize((WIDTH, round(picture.height * WIDTH / picture.width)), Image.Resampling.LANCZOS)
    sheet = Image.new("RGB", (WIDTH, picture.height), "white")
    sheet.paste(picture, (0, 0))
    return np.asarray(sheet)


def _table(report: Report) -> Picture:
    rows = report.rows()
    sheet = Image.new("RGB", (WIDTH, LINE * len(rows) + 2 * EDGE), "white")
    pen = ImageDraw.Draw(sheet)
    for number, row in enumerate(rows):
        wanted = f"wanted: {row.wanted}" if row.wanted else ""
        for left, text, ink in zip(COLUMNS, (row.name, row.value, wanted), (QUIET, INK, QUIET), strict=True):
            pen.text((left, EDGE + LINE * number), text, fill=ink, font=font_for(text, TEXT))
    return np.asarray(sheet)
