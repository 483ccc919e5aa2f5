"""What the server says in English, and the page in Korean: every stage of a job, and the errors that its users meet."""

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from figment import families
from figment.core.config import from_dict
from figment.core.errors import InputError
from figment.metrics.estimate import Estimate
from figment.metrics.features import WHICH_WAY
from figment.metrics.modes import Modes
from figment.studio.evaluate import Comparison, Evaluation, cells
from figment.studio.jobs.kinds.swap import Parameters
from figment.studio.request import CreateRequest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src/figment"
KNOWN: dict[str, str] = json.loads((ROOT / "web/src/strings/said.json").read_text())
COVERED = (
    *(
        f"server/{name}.py"
        for name in ("access", "accounts", "files", "native", "prompts", "shelves", "studio", "swaps")
    ),
    *(f"studio/{name}.py" for name in ("start", "swap", "swap_consent", "swap_frame", "swap_report", "swap_result")),
    *("studio/jobs/fairness.py", "studio/jobs/places.py", "studio/jobs/kinds/create.py", "studio/jobs/kinds/swap.py"),
    *("studio/jobs/kinds/__init__.py", "studio/jobs/kinds/train.py"),
    *("trust/consent.py", "trust/ledger.py", "trust/sensitive.py", "pixels/clips.py"),
    *("faceswap/extract.py", "faceswap/side.py", "faceswap/trained.py", "faceswap/training.py", "faceswap/merging.py"),
)
"""Files of which every error is known in Korean."""
TOLD = {("diffusion/engine.py", "note"), ("training/trainer.py", "self.label"), ("core/task.py", "note")}
"""Notes that are no literal: of two that are assigned, names of stages, and another's with a number behind."""


@pytest.mark.parametrize("file", COVERED)
def test_errors_are_known_in_korean(file: str) -> None:
    found = [text for call in _calls(SOURCE / file) if _raises(call) for text in _first_text(call)]
    assert found
    assert [text for text in found if text not in _known()] == []


def test_lines_of_a_quality_report_are_known_in_korean() -> None:
    rows = [call for call in _calls(SOURCE / "faceswap/report/result.py") if ast.unparse(call.func) == "Row"]
    assert len(rows) == 12
    said = {text for row in rows for text in map(_text, row.args) if text}
    assert {text for text in said if re.search("[a-z]", text) and text not in _known()} == set()


def test_comparisons_of_models_are_known_in_korean() -> None:
    every = Evaluation("a", gap=0.5, factors=0.5, modes=Modes(9, 10, Estimate(0.1, 0.0, 0.2)))
    found = Comparison("digits", 10, WHICH_WAY, (every,), np.zeros((1, 1, 3), np.uint8))
    head, _ = cells(found)
    assert "MIG" in head
    words = json.loads((ROOT / "web/src/strings/ko.json").read_text())
    assert [name for name in head if not re.search("[가-힣]", words.get(f"column.{name}", ""))] == []
    patterns = [re.sub(r"\\{\w+\\}", "(.*?)", re.escape(english)) for english in KNOWN]
    for text in (found.note, replace(found, official=True).note, str(every.modes), "10 classes", WHICH_WAY):
        fitting = [match for match in (re.fullmatch(pattern, text) for pattern in patterns) if match]
        assert fitting, text


def test_every_stage_of_a_job_is_known_in_korean() -> None:
    notes = {"{}, {} {} of {}", "{}, {} of {}", "drawing", "drawing larger"}  # told by counted and the engine
    notes |= {stage for name in families.names() for stage in families.stages(name)}
    other: set[tuple[str, str]] = set()
    for path in SOURCE.rglob("*.py"):
        for call in _calls(path):
            note = _note(call)
            text = None if note is None else _text(note)
            if text is not None:
                notes.add(text)
            elif note is not None:
                other.add((path.relative_to(SOURCE).as_posix(), ast.unparse(note)))
    assert other == TOLD
    assert len(notes) > 40
    assert {note for note in notes if note and note not in _known()} == set()


def test_nothing_is_known_that_nobody_says() -> None:
    texts = {text for path in SOURCE.rglob("*.py") for node in ast.walk(_tree(path)) for text in _parts(node)}
    texts |= {stage for name in families.names() for stage in families.stages(name)}
    for wrong in ({"steps": 0}, {"steps": 10**9}, {"steps": "many"}):
        with pytest.raises(InputError) as raised:
            from_dict(CreateRequest, {"prompt": "a", **wrong})
        texts.add(str(raised.value))
    with pytest.raises(InputError) as raised:
        from_dict(Parameters, {"swap": "../x", "step": "merge"})
    texts.add(str(raised.value))
    whole = "\n".join(sorted(texts))
    for english in KNOWN:
        pattern = ".*?".join(re.escape(part) for part in re.split(r"{\w+}", english))
        assert re.search(f"^{pattern}$", whole, re.MULTILINE), english


def test_what_is_known_keeps_its_places() -> None:
    for english, korean in KNOWN.items():
        places = re.findall(r"{(\w+)}", english)
        assert len(set(places)) == len(places), english
        assert set(re.findall(r"{(\w+)}", korean)) <= set(places), english
        assert re.search("[가-힣]", korean), english
        assert re.sub(r"{\w+}", "", english).strip(" .,:"), english


@cache
def _known() -> set[str]:
    return {re.sub(r"{\w+}", "{}", english) for english in KNOWN}


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def _calls(path: Path) -> Iterator[ast.Call]:
    return (node for node in ast.walk(_tree(path)) if isinstance(node, ast.Call))


def _raises(call: ast.Call) -> bool:
    name = ast.unparse(call.func)
    return name in ("Problem", "QueueFull", "NoSuchJob", "SeveralPeople", "HTTPException") or (
        name.endswith("Error") and name not in ("PermissionError", "ValueError")
    )


def _first_text(call: ast.Call) -> list[str]:
    return [text for text in map(_text, call.args) if text is not None][:1]


def _note(call: ast.Call) -> ast.expr | None:
    """What `call` says a task is doing; None where it says nothing."""
    if ast.unparse(call.func) == "Progress" and len(call.args) > 2:
        return call.args[2]
    if ast.unparse(call.func) in ("Progress", "replace"):
        return next((word.value for word in call.keywords if word.arg == "note"), None)
    return None


def _text(node: ast.expr) -> str | None:
    """A literal text with {} for what is put in; None for anything else."""
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _parts(node: ast.AST) -> list[str]:
    text = _text(node) if isinstance(node, ast.expr) else None
    return [] if text is None else [text]
