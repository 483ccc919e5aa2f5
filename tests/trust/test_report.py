"""Reports for people and programs: nothing that a file says can act."""

import json
from html.parser import HTMLParser
from pathlib import Path

from tests.trust.conftest import examined, signed

from figment.trust.keys import Identity
from figment.trust.labels import Ingredient, Operation, Provenance
from figment.trust.page import as_page
from figment.trust.report import as_json, as_text

ATTACK = "<img src=x onerror=alert(1)>\x1b[2J$articles\u202e"


class Elements(HTMLParser):
    """Names and addresses in a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)


def hostile(identity: Identity) -> bytes:
    """A picture whose model and input are named to do harm."""
    edit = Provenance.of(Operation.EDIT, model=ATTACK, inputs=(Ingredient(ATTACK, signed(identity)),))
    return signed(identity, 1, provenance=edit)


def test_the_page_shows_the_ancestry_and_runs_nothing(identity: Identity, tmp_path: Path) -> None:
    report = examined(hostile(identity), tmp_path, identity, "<script>alert(1)<")
    page = as_page([report, report])
    found = Elements(page)
    assert not found.tags & {"img", "script", "link", "iframe", "object", "a", "base", "form"}
    assert not found.attributes & {"src", "href", "onerror", "srcset", "action"}
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    assert "&lt;script&gt;alert(1)&lt;" in page
    assert page.count('<section class="card trusted">') == 4
    assert "http://" not in page
    assert "https://" not in page


def test_the_text_has_no_control_characters(identity: Identity, tmp_path: Path) -> None:
    text = as_text(examined(hostile(identity), tmp_path, identity))
    assert text.splitlines()[0].endswith(
        "picture: Made by this installation of Figment and unchanged since: partly made by a trained model (AI)."
    )
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "Ancestry:" in text
    assert "signed by this installation; not on the C2PA trust list" in text


def test_json_holds_everything(identity: Identity, tmp_path: Path) -> None:
    values = json.loads(as_json(examined(hostile(identity), tmp_path, identity)))
    assert values["verdict"] == "signed"
    assert values["credentials"]["ingredients"][0]["title"] == ATTACK
    assert values["credentials"]["facts"]["model"]["name"] == ATTACK
    assert values["watermark"]["present"] is False
    assert values["metadata"]["source_type"] == "trainedAlgorithmicMedia"
