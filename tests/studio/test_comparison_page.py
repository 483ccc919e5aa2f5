"""The comparison as a page and as a picture: what stands on it, and that its pictures are signed."""

import base64
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from figment.core.task import finish
from figment.pixels.files import load
from figment.studio.comparison_page import save_page, save_sheet
from figment.studio.evaluate import Comparison, compare
from figment.studio.train import train_run
from figment.training.plan import plan
from figment.trust.verify import inspect


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Comparison]:
    folder = tmp_path_factory.mktemp("page")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FIGMENT_DATA", str(folder / "data"))
        patch.chdir(folder)
        patch.setattr("figment.studio.evaluate.FEATURE_STEPS", 20)
        for family in ("gan", "pixelcnn"):
            finish(train_run(plan(family, data=["digits"], steps=8, batch=4), Path("runs") / family))
        yield finish(compare(["gan", "pixelcnn"], count=30, likelihoods=4))


def test_the_page_holds_every_figure_signed_and_asks_for_nothing(compared: Comparison, tmp_path: Path) -> None:
    page = save_page(compared, tmp_path / "page.html").read_text(encoding="utf-8")
    titles = re.findall("<h3>(.*?)</h3>", page)
    gan = [
        "Samples · 표본",
        "From one picture to another · 보간",
        "The same noise over training, after steps 1, 2, 4, 8",
    ]
    assert [title.split(" · 학습")[0] for title in titles[:3]] == gan
    assert sum(title.startswith("From one picture") for title in titles) == 1  # PixelCNN has no code to go along
    assert titles.count("Losses · 손실") == 2
    assert "Known weakness" in page
    assert "real training pictures" in page
    assert not re.search(r'(src|href)="(?!data:)', page)
    for number, content in enumerate(re.findall(r"data:image/png;base64,([^\"]+)", page)):
        path = tmp_path / f"{number}.png"
        path.write_bytes(base64.b64decode(content))
        assert inspect(path).credentials.state == "trusted"


def test_the_picture_holds_them_one_below_the_other(compared: Comparison, tmp_path: Path) -> None:
    path = save_sheet(compared, tmp_path / "page.png")
    picture = load(path)
    figures = [shown.samples for shown in compared.exhibits] + [shown.curve for shown in compared.exhibits]
    assert picture.shape[0] > sum(figure.shape[0] for figure in figures if figure is not None)
    assert inspect(path).credentials.state == "trusted"
