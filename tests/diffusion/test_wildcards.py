"""Words left open in a prompt, by what AUTOMATIC1111's Dynamic Prompts extension says that they become."""

from collections import Counter
from math import sqrt
from pathlib import Path
from random import Random

import pytest

from figment.core.errors import InputError
from figment.diffusion.wildcards import MOST, expanded, has_wildcards


@pytest.fixture
def lists(tmp_path: Path) -> dict[str, Path]:
    texts = {
        "colour": "# a comment\nred\n\n  blue  # the sky\n",
        "deep/animal": "a __colour__ cat\na __Colour__ dog\n",
        "pet": "{cat|dog}",
        "often": "3::a\nb",
        "loop": "__loop__",
        "many": "__ten__" * 10,
        "ten": "__one__" * 10,
        "one": "__last__" * 20,
        "last": "x",
        "empty": "# nothing\n",
        "with blank": "blank",
        "한글": "빨간 사과",
    }
    for name, text in texts.items():
        path = tmp_path / f"{name}.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8-sig" if name == "한글" else "utf-8")
    return {name: tmp_path / f"{name}.txt" for name in texts}


@pytest.mark.parametrize(
    ("prompt", "drawn"),
    [
        ("a __colour__ apple", {"a red apple", "a blue apple"}),
        ("__COLOUR____colour__s", {"redreds", "redblues", "bluereds", "blueblues"}),
        ("<lora:__colour__:0.8>", {"<lora:red:0.8>", "<lora:blue:0.8>"}),
        ("__deep/animal__", {"a red cat", "a red dog", "a blue cat", "a blue dog"}),
        ("__한글__", {"빨간 사과"}),
        ("__with blank__", {"blank"}),
        ("__pet__s", {"cats", "dogs"}),
        ("{red|green|blue}", {"red", "green", "blue"}),
        ("{old |}cat", {"old cat", "cat"}),
        ("{a|b{1|2}}", {"a", "b1", "b2"}),
        ("{2$$a|b|c}", {"a, b", "a, c", "b, a", "b, c", "c, a", "c, b"}),
        ("{0-1$$a|b}", {"", "a", "b"}),
        ("{-2$$a|b}", {"a", "b", "a, b", "b, a"}),
        ("{2-$$a|b}", {"a, b", "b, a"}),
        ("{9$$a|b}", {"a, b", "b, a"}),
        ("{1-2$$ and $$a|b}", {"a", "b", "a and b", "b and a"}),
        ("{2$$__colour__}", {"red, blue", "blue, red"}),
        ("{a|__colour__}", {"a", "red", "blue"}),
        ("{0::a|b}", {"b"}),
        ("{[a|b]|(c:1.2)}", {"[a|b]", "(c:1.2)"}),
        ("[{2$$|$$a|b}]", {"[a|b]", "[b|a]"}),
        ("{{a|b}}", {"{a}", "{b}"}),
        ("{x {a|b}", {"{x a", "{x b"}),
    ],
)
def test_what_is_left_open_is_drawn(lists: dict[str, Path], prompt: str, drawn: set[str]) -> None:
    assert has_wildcards(prompt)
    assert {expanded(prompt, lists, seed) for seed in range(100)} == drawn


def test_the_seed_says_what_is_drawn() -> None:
    options = "abcdefgh"
    for seed in range(20):
        expected = options[int(Random(seed).random() * 8)]  # noqa: S311
        assert expanded("{a|b|c|d|e|f|g|h}", {}, seed) == expected


@pytest.mark.parametrize(("prompt", "share"), [("{a|b}", 1 / 2), ("{3::a|b}", 3 / 4), ("{.5::a|b|c}", 1 / 5)])
def test_weights_say_how_often(prompt: str, share: float) -> None:
    seeds = 2000
    found = Counter(expanded(prompt, {}, seed) for seed in range(seeds))
    assert found["a"] / seeds == pytest.approx(share, abs=4 * sqrt(share * (1 - share) / seeds))


def test_lines_have_weights_as_well(lists: dict[str, Path]) -> None:
    found = Counter(expanded("__often__", lists, seed) for seed in range(2000))
    assert found["a"] / 2000 == pytest.approx(3 / 4, abs=0.04)


@pytest.mark.parametrize(
    "prompt",
    ["a cat", "snake_case", "a __ b", "____", "_____", "a_b_c", "^__^ and ^__^", "my__style__v2", "{best}", "a} {b"],
)
def test_other_signs_are_words(lists: dict[str, Path], prompt: str) -> None:
    assert not has_wildcards(prompt)
    assert expanded(prompt, lists, 0) == prompt


@pytest.mark.parametrize("prompt", ["{a|b", "}a|b{", "{[a|b]}", "{x} [a|b]", "{{}|", "{" * 20 + "[a|b]" + "}" * 20])
def test_braces_without_a_choice_are_words(prompt: str) -> None:
    assert expanded(prompt, {}, 0) == prompt


def test_comments_are_left_out() -> None:
    assert expanded("# all of it\na cat # {a|b} __colour__\n#\nand a dog", {}, 0) == "a cat \nand a dog"


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        ("__color__", "There is no wildcard list 'color'; did you mean colour"),
        ("__zzz__", r"There is no wildcard list 'zzz'; there are: colour, .*, empty and 2 more\.$"),
        ("__../secret__", "There is no wildcard list '../secret'"),
        ("__/etc/passwd__", "There is no wildcard list '/etc/passwd'"),
        ("__empty__", r"empty.txt is empty; write a line"),
        ("{2$$__empty__}", r"empty.txt is empty; write a line"),
        ("__loop__", "name one another without end"),
        ("__many__", f"leaves more than {MOST} words open"),
    ],
)
def test_lists_that_cannot_be_drawn_from_are_said(lists: dict[str, Path], prompt: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        expanded(prompt, lists, 0)


def test_without_lists_it_is_said_where_they_belong() -> None:
    with pytest.raises(InputError, match=r"'colour'; write its choices into models/wildcards/colour\.txt"):
        expanded("__colour__", {}, 0)
