"""`figment explain FAMILY`."""

from typing import Literal

import click

__all__ = ["command"]


@click.command(name="explain")
@click.argument("family", required=False)
@click.option("--lang", type=click.Choice(["en", "ko"]), default="en", show_default=True, help="English or Korean.")
def command(family: str | None, lang: Literal["en", "ko"]) -> None:
    """Say what a model FAMILY is, what its loss and its known weakness are, and in which papers it stands.

    Without one, list the families.
    """
    from figment import families

    if family is None:
        for name in families.names():
            click.echo(f"{name:18} {families.about(name, lang).splitlines()[0]}")
        return
    click.echo(families.about(family, lang))
    if presets := families.presets(family):
        click.echo(f"\n{'Presets' if lang == 'en' else '프리셋'}: {', '.join(presets)}.")
