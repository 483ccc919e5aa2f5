"""`figment verify FILE...`."""

from pathlib import Path

import click

__all__ = ["command"]


@click.command(name="verify")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for each file.")
@click.option("--html", "page", metavar="OUT", help="Also write the reports as one web page.")
def command(files: tuple[str, ...], as_json: bool, page: str | None) -> None:
    """Say what can be known of where pictures and clips come from.

    Looks for Content Credentials, with their whole ancestry, for the watermark, and for metadata. The exit code is 0
    whatever is found, and 2 when a file cannot be read.
    """
    from figment.core.files import write_bytes
    from figment.trust import report
    from figment.trust.page import as_page
    from figment.trust.verify import inspect

    reports = []
    for file in files:
        reports.append(inspect(Path(file)))
        click.echo(report.as_json(reports[-1]) if as_json else report.as_text(reports[-1]))
    if page is not None:
        write_bytes(Path(page), as_page(reports).encode(errors="replace"))
