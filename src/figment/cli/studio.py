"""`figment studio`."""

from pathlib import Path

import click

__all__ = ["command"]


@click.command(name="studio")
@click.option("--port", type=click.IntRange(0, 65535), default=7860, show_default=True, help="Port; 0 for a free one.")
@click.option("--listen", metavar="ADDRESS", help="Address for other computers, such as 0.0.0.0; needs --token.")
@click.option("--token", envvar="FIGMENT_TOKEN", default="", help="Key that everyone must send; or set FIGMENT_TOKEN.")
@click.option("--name", "names", multiple=True, help="Name by which other computers call this one; may be repeated.")
@click.option("--root", default=".", type=click.Path(path_type=Path), help="Folder with models/, runs/ and outputs/.")
def command(port: int, listen: str | None, token: str, names: tuple[str, ...], root: Path) -> None:
    """Serve the studio on this computer: its interface, and those of AUTOMATIC1111 and of OpenAI's Images API.

    Jobs that wait or run when it ends are gone on with at the next start.
    """
    from figment.server.run import serve
    from figment.server.settings import Settings

    settings = Settings(root.resolve(), listen or "127.0.0.1", port, token, names)
    serve(settings, lambda address: click.echo(f"The studio is at {address} (Ctrl-C ends it)."))
