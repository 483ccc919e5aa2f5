"""Reports as one web page that asks for nothing from anywhere: the ancestry of each file as nested cards.

All text in a report comes from files of others, so that every piece of it is escaped.
"""

from collections.abc import Sequence
from html import escape
from string import Template

from figment.trust.credentials import Manifest
from figment.trust.findings import Report
from figment.trust.wording import issuer_of, origin

__all__ = ["as_page"]

_PAGE = Template("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Figment: where pictures come from</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<style>
:root { color-scheme: light dark; --line: #8886; --good: #2a7d46; --warn: #a86a00; --bad: #b3261e; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem; }
article { border: 1px solid var(--line); border-radius: .75rem; padding: 1rem 1.25rem; margin: 1.5rem 0; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.05rem; margin: 0; overflow-wrap: anywhere; }
.headline { font-size: 1.15rem; font-weight: 600; margin: .25rem 0 .75rem; }
.card { border-left: .3rem solid var(--line); padding: .1rem 0 .1rem 1rem; margin: .75rem 0 0; }
.trusted { border-color: var(--good); } .untrusted { border-color: var(--warn); } .invalid { border-color: var(--bad); }
.card p, ul { margin: .2rem 0; } li, p { overflow-wrap: anywhere; } .problem { color: var(--bad); }
</style></head><body><h1>Where these files come from</h1>
$articles
</body></html>
""")


def as_page(reports: Sequence[Report]) -> str:
    """One page for all `reports`."""
    return _PAGE.substitute(articles="\n".join(_article(report) for report in reports))


def _article(report: Report) -> str:
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in report.reasons)
    ancestry = "" if report.credentials.state == "none" else _card(report.credentials)
    return (
        f"<article><h2>{escape(str(report.path))}</h2>"
        f'<p class="headline">{escape(report.headline)}</p><ul>{reasons}</ul>{ancestry}</article>'
    )


def _card(manifest: Manifest) -> str:
    actions = ", ".join(action.name for action in manifest.actions)
    lines = [escape(issuer_of(manifest))]
    if actions:
        lines.append(escape(f"{actions}: {origin(manifest.source_type)}"))
    if manifest.generator:
        lines.append(f"with {escape(manifest.generator)}")
    body = "".join(f"<p>{line}</p>" for line in lines)
    problems = "".join(f'<p class="problem">{escape(problem)}</p>' for problem in manifest.problems)
    inputs = "".join(_card(ingredient) for ingredient in manifest.ingredients)
    title = escape(manifest.title or "untitled")
    return f'<section class="card {manifest.state}"><h2>{title}</h2>{body}{problems}{inputs}</section>'
