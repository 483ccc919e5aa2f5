"""`figment explain FAMILY`."""

import json
from typing import Any, Literal

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
    told = "Settings, changed by" if lang == "en" else "설정을 바꾸는 명령:"
    click.echo(f"\n{told} figment train {family} --set NAME=VALUE:")
    for name, (default, meaning) in families.settings(family).items():
        click.echo(f"  {f'{name}={_toml(default)}':28} {' '.join(meaning.split()) if lang == 'en' else ''}".rstrip())


def _toml(value: Any) -> str:
    """As a recipe has it, so that it can be copied into one."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name} = {_toml(one)}' for name, one in value.items())}}}"
    return json.dumps(value)
