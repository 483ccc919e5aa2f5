"""The prompt language, by the results that AUTOMATIC1111 documents for it."""

import pytest

from figment.diffusion.prompt import BREAK, Network, Weighted, joined, networks, scheduled, weighted

A, B = "a", "(b:1.1)"


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("test", [(10, "test")]),
        ("a [b:3]", [(3, "a "), (10, "a b")]),
        ("a [b: 3]", [(3, "a "), (10, "a b")]),
        ("a [[[b]]:2]", [(2, "a "), (10, "a [[b]]")]),
        ("[(a:2):3]", [(3, ""), (10, "(a:2)")]),
        ("a [b : c : 1] d", [(1, "a b  d"), (10, "a  c  d")]),
        ("a[b:[c:d:2]:1]e", [(1, "abe"), (2, "ace"), (10, "ade")]),
        ("a [unbalanced", [(10, "a [unbalanced")]),
        ("a [b:.5] c", [(5, "a  c"), (10, "a b c")]),
        ("((a][:b:c [d:3]", [(3, "((a][:b:c "), (10, "((a][:b:c d")]),
        ("[a|(b:1.1)]", [(step, A if step % 2 else B) for step in range(1, 11)]),
        ("[fe|]male", [(step, "female" if step % 2 else "male") for step in range(1, 11)]),
        ("[fe|||]male", [(step, "female" if step % 4 == 1 else "male") for step in range(1, 11)]),
        ("a \\[b:3\\] c", [(10, "a \\[b:3\\] c")]),
        ("[a:b]", [(10, "[a:b]")]),
        ("", [(10, "")]),
    ],
)
def test_words_come_and_go_by_step(prompt: str, expected: list[tuple[int, str]]) -> None:
    assert scheduled(prompt, 10) == expected


def test_a_second_pass_goes_on_counting() -> None:
    assert scheduled("a [b:.5] c", 10, first_pass=10) == [(10, "a b c")]
    assert scheduled("a [b:1.5] c", 10, first_pass=10) == [(5, "a  c"), (10, "a b c")]
    assert scheduled("a [b:13] c", 10, first_pass=10) == [(3, "a  c"), (10, "a b c")]


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("normal text", [("normal text", 1.0)]),
        ("an (important) word", [("an ", 1.0), ("important", 1.1), (" word", 1.0)]),
        ("(unbalanced", [("unbalanced", 1.1)]),
        (r"\(literal\]", [("(literal]", 1.0)]),
        ("(unnecessary)(parens)", [("unnecessaryparens", 1.1)]),
        (
            "a (((house:1.3)) [on] a (hill:0.5), sun, (((sky))).",
            [
                ("a ", 1.0),
                ("house", 1.573),
                (" ", 1.1),
                ("on", 1.0),
                (" a ", 1.1),
                ("hill", 0.55),
                (", sun, ", 1.1),
                ("sky", 1.4641),
                (".", 1.1),
            ],
        ),
        ("a ) b ] c", [("a ) b ] c", 1.0)]),
        ("a: b", [("a: b", 1.0)]),
        ("one BREAK two", [("one", 1.0), (BREAK, -1.0), ("two", 1.0)]),
        ("", [("", 1.0)]),
    ],
)
def test_brackets_weigh(prompt: str, expected: list[tuple[str, float]]) -> None:
    found = weighted(prompt)
    assert [piece.text for piece in found] == [text for text, _ in expected]
    assert [piece.weight for piece in found] == pytest.approx([weight for _, weight in expected])
    assert all(isinstance(piece, Weighted) for piece in found)


def test_prompts_are_joined_and_networks_taken_out() -> None:
    assert joined("a cat AND a dog :0.5 AND SANDY:-1") == [("a cat", 1.0), (" a dog", 0.5), (" SANDY", -1.0)]
    text, found = networks("1girl <lora:miku:0.8:1> and <hypernet:old> sky")
    assert text == "1girl  and  sky"
    assert found == [Network("lora", "miku", ("0.8", "1")), Network("hypernet", "old", ())]
