"""`figment explain FAMILY`."""

import click

__all__ = ["command"]


@click.command(name="explain")
@click.argument("family", required=False)
def command(family: str | None) -> None:
    """Say what a model FAMILY is, what its loss and its known weakness are, and in which papers it stands.

    Without one, list the families.
    """
    from figment import families

    if family is None:
        for name in families.names():
            click.echo(f"{name:18} {families.about(name).splitlines()[0]}")
        return
    click.echo(families.about(family))
    if presets := families.presets(family):
        click.echo(f"\nPresets: {', '.join(presets)}.")
