"""A comparison as one web page that asks for nothing from anywhere, its pictures inside it, and as one picture.

Each picture carries its watermark and its credentials, on the page as well.
"""

import base64
from collections.abc import Iterator
from html import escape
from pathlib import Path
from string import Template

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from figment.core.files import write_bytes
from figment.pixels.files import as_pillow
from figment.pixels.fonts import font_for
from figment.studio.evaluate import Comparison, cells
from figment.studio.exhibit import Exhibit
from figment.studio.gallery import Gallery
from figment.trust.labels import Operation, Provenance, SourceType
from figment.trust.stamp import stamp

__all__ = ["save_page", "save_sheet"]

Picture = NDArray[np.uint8]

_WIDTH, _GAP, _LINE = 760, 18, 26
_MIXED = Provenance(Operation.COMPOSE, SourceType.COMPOSITE_WITH_TRAINED_ALGORITHMIC_MEDIA)

_PAGE = Template("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Figment: models compared</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<style>
:root { color-scheme: light dark; --line: #8885; }
body { font: 1rem/1.5 system-ui, "Noto Sans KR", sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin: 0 0 .5rem; } h3 { font-size: .95rem; margin: 1rem 0 .3rem; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: .85rem; white-space: nowrap; }
th, td { border-bottom: 1px solid var(--line); padding: .35rem .6rem; text-align: right; }
th:first-child, td:first-child, th:nth-child(2), td:nth-child(2) { text-align: left; }
article { border: 1px solid var(--line); border-radius: .75rem; padding: 1rem 1.25rem; margin: 1.5rem 0; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); gap: 0 2rem; }
img { max-width: 100%; image-rendering: pixelated; background: #fff; } img.curve { image-rendering: auto; }
p { margin: .4rem 0; } .note { opacity: .75; font-size: .9rem; }
</style></head><body><h1>Models compared · 모델 비교</h1>
<p class="note">$note</p>
<div class="wide"><table><thead><tr>$head</tr></thead><tbody>$rows</tbody></table></div>
<article><h2>Real pictures above those of each model · 실제 그림과 각 모델의 그림</h2>$sheet</article>
$articles
</body></html>
""")


def save_sheet(comparison: Comparison, out: Path) -> Path:
    """Write everything there is to look at as one picture. Raises InputError for an ending that is no picture's."""
    return Gallery().save(_poster(comparison), None, _MIXED, path=out).path


def save_page(comparison: Comparison, out: Path) -> Path:
    """Write the page to `out`. Raises OutputError when the disk refuses."""
    head, rows = cells(comparison)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    page = _PAGE.substitute(
        note=escape(comparison.note),
        head="".join(f"<th>{escape(cell)}</th>" for cell in head),
        rows=body,
        sheet=_image(comparison.sheet, "samples", room=800),
        articles="\n".join(_article(shown) for shown in comparison.exhibits),
    )
    write_bytes(out, page.encode())
    return out


def _article(shown: Exhibit) -> str:
    figures = ""
    for title, picture, curve in _figures(shown):
        figures += f"<div><h3>{escape(title)}</h3>{_image(picture, title, curve=curve)}</div>"
    about = f'<p class="note">{escape(shown.about)}</p>'
    name = f"<h2>{escape(shown.name)} ({escape(shown.family)})</h2>"
    return f'<article>{name}{about}<div class="figures">{figures}</div></article>'


def _figures(shown: Exhibit) -> Iterator[tuple[str, Picture, bool]]:
    """Title, picture, and whether it is a drawing, of all that there is of a model."""
    yield "Samples · 표본", shown.samples, False
    if shown.path is not None:
        yield "From one picture to another · 보간", shown.path, False
    if shown.numbers is not None:
        yield "Each number of the code from low to high · 잠재 변수", shown.numbers, False
    if shown.history is not None:
        steps = ", ".join(map(str, shown.steps))
        yield f"The same noise over training, after steps {steps} · 학습 과정", shown.history, False
    if shown.curve is not None:
        yield "Losses · 손실", shown.curve, True


def _image(picture: Picture, title: str, *, room: int = 440, curve: bool = False) -> str:
    """An image element, enlarged by a whole number to about `room` pixels."""
    width = picture.shape[1]
    wide = width if curve else width * max(1, room // width)
    content = base64.b64encode(stamp(picture, "png", "", _MIXED)).decode()
    kind = ' class="curve"' if curve else ""
    return f'<img{kind} alt="{escape(title)}" width="{wide}" src="data:image/png;base64,{content}">'


def _poster(comparison: Comparison) -> Picture:
    """Titles and figures one below the other."""
    parts = [_title("Real pictures, then each model's", 14), _placed(comparison.sheet, curve=False)]
    for shown in comparison.exhibits:
        parts.append(_title(f"{shown.name} ({shown.family})", 20))
        for title, picture, curve in _figures(shown):
            parts += [_title(title.split(" · ")[0], 14), _placed(picture, curve=curve)]
    return np.concatenate(parts)


def _title(text: str, size: int) -> Picture:
    line = Image.new("RGB", (_WIDTH, _LINE + _GAP), "white")
    ImageDraw.Draw(line).text((_GAP, _GAP), text, fill=(30, 30, 35), font=font_for(text, size))
    return np.asarray(line)


def _placed(picture: Picture, *, curve: bool) -> Picture:
    """A figure on white: enlarged up to three times by a whole number, or reduced to what there is room for."""
    room, (height, width) = _WIDTH - 2 * _GAP, picture.shape[:2]
    scale = 1 if curve else min(3, room // width)
    size = (width * scale, height * scale) if scale else (room, round(height * room / width))
    resized = as_pillow(picture).resize(size, Image.Resampling.NEAREST if scale else Image.Resampling.BOX)
    ground = Image.new("RGB", (_WIDTH, size[1]), "white")
    ground.paste(resized, (_GAP, 0))
    return np.asarray(ground)
