"""The page as files: its words in all languages, its size, and that it is built of its sources."""

import gzip
import json
import re
import runpy
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
WEB, PAGE = ROOT / "web/src", ROOT / "src/figment/server/page"
MOST = 100_000
"""Compressed bytes; half a second on a slow line."""


def test_both_languages_have_the_same_words_with_the_same_places() -> None:
    english, korean = (_words(language) for language in ("en", "ko"))
    assert english.keys() == korean.keys()
    for key, words in english.items():
        assert set(re.findall(r"{\w+}", words)) == set(re.findall(r"{\w+}", korean[key])), key
        assert korean[key].strip(), key


def test_every_word_is_used_and_every_used_word_is_there() -> None:
    text = "\n".join(path.read_text() for ending in ("*.svelte", "*.ts") for path in WEB.rglob(ending))
    keys = _words("en").keys()
    quoted = set(re.findall(r"""['"`](\w+\.[\w ]+)['"`]""", text))
    begun = tuple(re.findall(r"`(\w+\.\w*)\$\{", text))  # t(`job.${job.state}`)
    assert [key for key in keys if key not in quoted and not key.startswith(begun)] == []
    assert [key for key in re.findall(r"\bt\('([^']+)'", text) if key not in keys] == []


def test_korean_has_no_sentence_left_in_english() -> None:
    same = {key for key, words in _words("ko").items() if words == _words("en")[key]}
    assert same == set()


def test_the_page_is_small_and_fetches_nothing_from_elsewhere() -> None:
    files = [path for path in PAGE.rglob("*") if path.is_file()]
    assert sum(len(gzip.compress(path.read_bytes())) for path in files) < MOST
    for path in files:
        found = re.findall(r"(?:https?:)?//[\w-]+\.[\w.]+", path.read_text())
        assert {one for one in found if not one.endswith(("www.w3.org", "svelte.dev"))} == set(), path


def test_the_page_has_no_script_and_no_style_of_its_own() -> None:
    index = (PAGE / "index.html").read_text()
    assert not re.search(r"<script(?![^>]* src=)|<style|style=|\son\w+=", index)
    for path in WEB.rglob("*.svelte"):
        assert not re.search(r"""{@html|\sstyle=["{]""", path.read_text()), path


def test_the_page_is_built_of_its_sources() -> None:
    checked = subprocess.run([sys.executable, ROOT / "scripts/page.py", "check"], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr


def test_the_page_knows_the_interface_as_it_is() -> None:
    said = runpy.run_path(str(ROOT / "scripts/page.py"))["described"]()
    assert (ROOT / "web/openapi.json").read_text() == said, "run scripts/page.py types, and npm run types in web/"


def _words(language: str) -> dict[str, str]:
    words: dict[str, str] = json.loads((WEB / f"strings/{language}.json").read_text())
    return words
