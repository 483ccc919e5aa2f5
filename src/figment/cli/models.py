"""`figment models`."""

import json
from dataclasses import asdict

import click

__all__ = ["command"]


@click.command(name="models")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(as_json: bool) -> None:
    """List the models that can be used: built in, in models/Figment, and the runs of this folder."""
    from figment.core.checkpoint import read_metadata
    from figment.studio.library import entries

    rows = []
    for entry in entries():
        metadata = read_metadata(entry.path)
        size = entry.path.stat().st_size
        rows.append((entry, metadata, size))
    if as_json:
        listed = [{"name": e.name, "path": str(e.path), "bytes": s, **asdict(m)} for e, m, s in rows]
        click.echo(json.dumps(listed, ensure_ascii=False))
        return
    for entry, metadata, size in rows:
        licences = ", ".join(sorted({source.licence for source in metadata.sources}))
        click.echo(f"{entry.name:24} {metadata.family:18} {size / 1e6:7.1f} MB  {entry.place:9} data: {licences}")
    if not rows:
        click.echo("No models yet; `figment train` makes one.")
