"""`figment models`."""

import json
from dataclasses import asdict

import click

__all__ = ["command"]


@click.command(name="models")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(as_json: bool) -> None:
    """List what can be used: built in, in models/Figment, the runs of this folder, and what was dropped into models.

    Dropped files are Stable Diffusion checkpoints, LoRAs, VAEs, embeddings, upscalers and wildcard lists.
    """
    from figment.core.checkpoint import read_metadata
    from figment.studio.library import entries
    from figment.studio.shelf import shelf

    own = [(entry, read_metadata(entry.path), entry.path.stat().st_size) for entry in entries()]
    items = list(shelf())
    if as_json:
        listed = [{"name": e.name, "path": str(e.path), "bytes": s, **asdict(m)} for e, m, s in own]
        listed += [{**asdict(item), "path": str(item.path)} for item in items]
        click.echo(json.dumps(listed, ensure_ascii=False, default=str))
        return
    for entry, metadata, size in own:
        licences = ", ".join(sorted({source.licence for source in metadata.sources}))
        click.echo(f"{entry.name:24} {metadata.family:18} {size / 1e6:7.1f} MB  {entry.place:9} data: {licences}")
    for item in items:
        words = ", ".join(item.sidecar.trigger_words)
        said = item.fault or " ".join(part for part in (item.base, f"words: {words}" if words else "") if part)
        click.echo(f"{item.name:24} {item.what:18} {item.size / 1e6:7.1f} MB  {said}")
    if not own and not items:
        click.echo("No models yet; `figment train` makes one.")
