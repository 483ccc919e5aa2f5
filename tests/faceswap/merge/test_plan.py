"""Settings files: stretches of frames, both formats, and what is refused."""

from dataclasses import replace
from pathlib import Path

import pytest

from figment.core.errors import InputError
from figment.faceswap.merge import Colour, MergeSettings, Mode
from figment.faceswap.merge.plan import read_plan, write_plan

TOML = """
colour = "mkl"
erode = 20

[[frames]]
first = 1
last = 2
blur = 60

[[frames]]
first = 2
last = 3
mode = "seamless"
erode = -4
"""


def test_later_stretches_stand_over_earlier_ones(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(TOML)
    plain = MergeSettings(colour=Colour.MKL, erode=20)
    last = replace(plain, mode=Mode.SEAMLESS, erode=-4)
    assert read_plan(file, 5) == (plain, replace(plain, blur=60), last, last, plain)


@pytest.mark.parametrize("name", ["plan.toml", "plan.json"])
def test_what_is_written_is_read_again(tmp_path: Path, name: str) -> None:
    plain = MergeSettings(mode=Mode.HIST_MATCH, masked_histogram=False)
    settings = (plain, plain, replace(plain, mode=Mode.OVERLAY), replace(plain, blur=3, erode=-7), plain)
    write_plan(tmp_path / name, settings)
    assert read_plan(tmp_path / name, 5) == settings


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("erode = 500", "erode should be less than or equal to 400, not 500"),
        ("errode = 5", "errode"),
        ("erode =", "is not a file of settings"),
        ("[frames]\nfirst = 1", "each headed"),
        ("[[frames]]\nfirst = 1", "last"),
        ("[[frames]]\nfirst = 3\nlast = 1", "go from 0 to 4"),
        ("[[frames]]\nfirst = 3\nlast = 5", "go from 0 to 4"),
        ("[[frames]]\nfirst = -1\nlast = 5", "first"),
        ("[[frames]]\nfirst = 1\nlast = 2\nblur = 'soft'", "blur"),
    ],
)
def test_what_cannot_be_used_is_said(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(text)
    with pytest.raises(InputError, match=said) as error:
        read_plan(file, 5)
    assert "settings.toml" in str(error.value)


@pytest.mark.parametrize("text", ["[1]", "[" * 100_000, "\0"])
def test_json_that_says_nothing_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "settings.json"
    file.write_text(text)
    with pytest.raises(InputError, match="not a file of settings"):
        read_plan(file, 5)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Cannot read the settings"):
        read_plan(tmp_path / "none.toml", 5)
