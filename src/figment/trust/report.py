"""A report as text for people and as JSON for programs."""

import json
from collections.abc import Iterator
from dataclasses import asdict

from figment.trust.credentials import Manifest
from figment.trust.findings import Report
from figment.trust.wording import issuer_of, origin

__all__ = ["as_json", "as_text"]


def as_text(report: Report) -> str:
    """The report in lines: verdict, reasons, then the ancestry as a tree."""
    lines = [f"{_plain(str(report.path))}: {report.headline}"]
    lines += [f"  {_plain(reason)}" for reason in report.reasons]
    if report.credentials.state != "none":
        lines += ["  Ancestry:", *_tree(report.credentials, "    ")]
    return "\n".join(lines)


def as_json(report: Report) -> str:
    """The whole report as one JSON object."""
    values = asdict(report) | {"path": str(report.path)}
    return json.dumps(values)


def _tree(manifest: Manifest, indent: str) -> Iterator[str]:
    actions = ", ".join(action.name for action in manifest.actions) or "no actions"
    said = f" ({origin(manifest.source_type)})" if manifest.source_type else ""
    yield f"{indent}{_plain(manifest.title or 'untitled')}: {_plain(actions + said)}; {_plain(issuer_of(manifest))}"
    for problem in manifest.problems:
        yield f"{indent}  ! {_plain(problem)}"
    for ingredient in manifest.ingredients:
        yield from _tree(ingredient, f"{indent}  ")


def _plain(text: str) -> str:
    """`text` without control characters, which could rewrite what a terminal shows."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
