"""Names from outside: what stays in its folder, and what is refused."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from figment.core.errors import InputError
from figment.core.paths import inside


@pytest.mark.parametrize(
    "name", ["model.safetensors", "Stable-diffusion/모델 1.5 (final).safetensors", "a/b/c", ".x", "50%"]
)
def test_ordinary_names(tmp_path: Path, name: str) -> None:
    assert inside(tmp_path, name) == tmp_path.resolve() / name


HOSTILE = (
    "",
    ".",
    "..",
    "../x",
    "a/../../x",
    "a/..",
    "a//b",
    "a/",
    "/etc/passwd",
    "//server/share",
    "\\\\server\\share",
    "..\\x",
    "C:\\x",
    "C:x",
    "x:stream",
    "a\0.png",
    "a\nb",
    "a\x1b[2J",
    "\u202egnp.exe",
    "a\u200bb",
    "\ud800",
    "%2e%2e/x",
    "%2E%2E%2fx",
    "CON",
    "con.txt",
    "a/NUL.safetensors",
    "Aux .x",
    "COM1",
    "com¹",
    "LPT9.tar.gz",
    "CONOUT$",
    "x.",
    "x ",
    " x",
    "a*b",
    "what?",
    "<img>",
    "x" * 256,
    "a/" * 600 + "b",
)


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_hostile_names_are_refused_in_one_sentence(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="cannot be used: ") as caught:
        inside(tmp_path, name)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 200


def test_links_may_not_lead_out(tmp_path: Path) -> None:
    root = tmp_path / "models"
    (root / "real").mkdir(parents=True)
    try:
        (root / "out").symlink_to(tmp_path)
        (root / "within").symlink_to(root / "real")
        (root / "loop").symlink_to(root / "loop")
    except OSError:
        pytest.skip("this system lets this user make no links")
    assert inside(root, "within/x") == root.resolve() / "real" / "x"
    for name in ("out", "out/x", "out/models/real"):
        if name == "out/models/real":  # leads out and back in: it ends inside, so it does no harm
            assert inside(root, name) == root.resolve() / "real"
            continue
        with pytest.raises(InputError, match="a link leads out"):
            inside(root, name)


@given(st.text(alphabet=st.sampled_from("ab./\\%2e:\0~ C*"), max_size=12))
def test_whatever_is_accepted_is_inside(name: str) -> None:
    root = Path("models").resolve()
    try:
        path = inside(root, name)
    except InputError:
        return
    assert os.path.commonpath([root, path]) == str(root)
    assert path != root
