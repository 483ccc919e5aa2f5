"""Token numbers against those of CLIP's own vocabulary, as transformers computes them."""

import pytest

from figment.diffusion.tokens import COMMA, END, START, tokens


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a photo of a cat", [320, 1125, 539, 320, 2368]),
        ("A  Photo\nof a CAT", [320, 1125, 539, 320, 2368]),
        ("hello world!", [3306, 1002, 256]),
        (",", [COMMA]),
        ("", []),
        ("it's 3", [585, 568, 274]),
        ("<|startoftext|>", [START]),
        ("<|endoftext|>", [END]),
    ],
)
def test_words_have_the_numbers_of_clip(text: str, expected: list[int]) -> None:
    assert tokens(text) == expected


@pytest.mark.parametrize("text", ["빨간 사과", "café naïve", "😀", "日本語", "x" * 300, "1girl, (((masterpiece)))"])
def test_any_script_is_cut_into_known_pieces(text: str) -> None:
    found = tokens(text)
    assert found
    assert all(0 <= number < START for number in found)
    assert tokens(text.upper()) == found
