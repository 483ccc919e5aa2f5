"""Words left open in a prompt."""

from pathlib import Path

import pytest

from figment.core.errors import InputError
from figment.diffusion.wildcards import expanded, has_wildcards


@pytest.fixture
def lists(tmp_path: Path) -> dict[str, Path]:
    texts = {
        "colour": "# a comment\nred\n\n  blue  \n",
        "deep/animal": "a __colour__ cat\na __Colour__ dog\n",
        "loop": "__loop__",
        "empty": "# nothing\n",
        "한글": "빨간 사과",
    }
    for name, text in texts.items():
        path = tmp_path / f"{name}.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return {name: tmp_path / f"{name}.txt" for name in texts}


def test_a_name_becomes_a_line_and_the_seed_says_which(lists: dict[str, Path]) -> None:
    drawn = {expanded("a __colour__ apple", lists, seed) for seed in range(20)}
    assert drawn == {"a red apple", "a blue apple"}
    assert expanded("a __colour__ apple", lists, 3) == expanded("a __colour__ apple", lists, 3)


def test_lists_name_other_lists(lists: dict[str, Path]) -> None:
    animals = {f"a {colour} {animal}" for colour in ("red", "blue") for animal in ("cat", "dog")}
    assert {expanded("__deep/animal__", lists, seed) for seed in range(40)} == animals
    assert expanded("__한글__", lists, 0) == "빨간 사과"


@pytest.mark.parametrize("prompt", ["a cat", "snake_case", "a __ b", "____", "a_b_c"])
def test_other_underscores_are_words(lists: dict[str, Path], prompt: str) -> None:
    assert not has_wildcards(prompt)
    assert expanded(prompt, lists, 0) == prompt


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        ("__color__", "There is no wildcard list 'color'; did you mean colour"),
        ("__zzz__", "There is no wildcard list 'zzz'; there are: colour"),
        ("__../secret__", "There is no wildcard list '../secret'"),
        ("__empty__", r"empty.txt is empty; write a line"),
        ("__loop__", "name one another without end"),
    ],
)
def test_lists_that_cannot_be_drawn_from_are_said(lists: dict[str, Path], prompt: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        expanded(prompt, lists, 0)
