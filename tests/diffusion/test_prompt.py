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
        ("a \\[b\\: c:\\|3\\] [d\\:e:3]", [(3, "a \\[b\\: c:\\|3\\] "), (10, "a \\[b\\: c:\\|3\\] d\\:e")]),
        ("[a:b]", [(10, "[a:b]")]),
        ("", [(10, "")]),
        ("[b:1]", [(1, ""), (10, "b")]),
        ("[b:1.0]", [(10, "")]),
        ("[b:0] [c:12]", [(10, "b ")]),
        ("[b:-1] [c::-.5]", [(10, "b ")]),
        ("[b:+2e0]", [(2, ""), (10, "b")]),
        ("[b:9e999]", [(10, "")]),
        ("[:3][a::3]", [(3, "a"), (10, "")]),
        ("[a:3:4]", [(4, "a"), (10, "3")]),
        ("[a, (b:1.2): [c]:3]", [(3, "a, (b:1.2)"), (10, " [c]")]),
        ("[[a|b]:c:2]", [(1, "a"), (2, "b"), *((step, "c") for step in range(3, 11))]),
        ("[a|[b:c:5]]", [(step, "a" if step % 2 else "b" if step <= 5 else "c") for step in range(1, 11)]),
        ("[a|[b|c]]", [(step, "a" if step % 2 else "c") for step in range(1, 11)]),
        ("[|a]", [(step, "" if step % 2 else "a") for step in range(1, 11)]),
        ("(a [b:3]", [(3, "(a "), (10, "(a b")]),
        ("a) [b:3] :) c]", [(3, "a)  :) c]"), (10, "a) b :) c]")]),
        ("[a (b:3] [c:3]", [(3, "[a (b:3] "), (10, "[a (b:3] c")]),
        ("[(a:b:c):3] [d:3]", [(3, "[(a:b:c):3] "), (10, "[(a:b:c):3] d")]),
    ],
)
def test_words_come_and_go_by_step(prompt: str, expected: list[tuple[int, str]]) -> None:
    assert scheduled(prompt, 10) == expected


@pytest.mark.parametrize("rest", ["a | b", "(a|b)", "[a|b:3]", "[a:b|c]", "[a|b", "a\\"])
def test_a_bar_outside_alternatives_makes_all_of_it_words(rest: str) -> None:
    assert scheduled(f"[x:y:3] {rest}", 10) == [(10, f"[x:y:3] {rest}")]


def test_brackets_may_nest_as_deep_as_they_like() -> None:
    deep = 3000
    assert scheduled("[" * deep, 2) == [(2, "[" * deep)]
    assert scheduled("[" * deep + "a" + ":1]" * deep, 2) == [(1, ""), (2, "a")]
    assert scheduled("[" * deep + "a" + "|b]" * deep, 2) == [(1, "a"), (2, "b")]
    assert weighted("(" * 20 + "a" + ")" * 20)[0].weight == pytest.approx(1.1**20)


def test_a_second_pass_goes_on_counting() -> None:
    assert scheduled("a [b:.5] c", 10, first_pass=10) == [(10, "a b c")]
    assert scheduled("a [b:1.5] c", 10, first_pass=10) == [(5, "a  c"), (10, "a b c")]
    assert scheduled("a [b:13] c", 10, first_pass=10) == [(3, "a  c"), (10, "a b c")]
    assert scheduled("a [b:13] c", 8, first_pass=10) == [(3, "a  c"), (8, "a b c")]
    assert scheduled("a [b:3] [c:25]", 8, first_pass=10) == [(8, "a b ")]


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
        ("one BREAK\nBREAK BREAKFAST", [("one", 1.0), (BREAK, -1.0), ("", 1.0), (BREAK, -1.0), ("BREAKFAST", 1.0)]),
        ("(one BREAK two)", [("one", 1.1), (BREAK, -1.1), ("two", 1.1)]),
        ("(a: 1.2 ) (b:+.5) (c:-1)", [("a", 1.2), (" ", 1.0), ("b", 0.5), (" ", 1.0), ("c", -1.0)]),
        ("((a:1.2) b:1.5)", [("a", 1.8), (" b", 1.5)]),
        ("[a:1.2]", [("a:1.2", 1 / 1.1)]),
        ("(a:1.2.3)", [("a:1.2.3", 1.1)]),
        ("(a:) b:2)", [("a:", 1.1), (" b:2)", 1.0)]),
        (r"(a\:1.2) b\c \\d", [("a", 1.2), (r" bc \d", 1.0)]),
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
    assert joined("(a:1.2) \nAND b : 2. \nAND c:d AND") == [("(a:1.2)", 1.0), (" b", 2.0), (" c:d", 1.0), ("", 1.0)]
    text, found = networks("1girl <lora:miku:0.8:1> and <hypernet:old> sky")
    assert text == "1girl  and  sky"
    assert found == [Network("lora", "miku", ("0.8", "1")), Network("hypernet", "old", ())]
