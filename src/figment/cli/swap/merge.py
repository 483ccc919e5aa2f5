"""`figment swap merge`."""

from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from figment.cli.options import options_of
from figment.cli.swap import consents_options, declared, opened, workspace_option
from figment.core.errors import InputError
from figment.faceswap.merge.settings import MergeSettings

__all__ = ["command"]


@click.command(name="merge")
@workspace_option
@consents_options
@click.option("--interactive", is_flag=True, help="Frame by frame in the terminal, with DeepFaceLab's keys.")
@click.option("--settings", "file", type=click.Path(path_type=Path), help="TOML or JSON file of settings.")
@options_of(MergeSettings, short={})
def command(
    root: Path,
    src_consent: str | None,
    dst_consent: str | None,
    interactive: bool,
    file: Path | None,
    **values: Any,
) -> None:
    """Put the face into the frames of the clip, and print how many frames were made anew.

    Settings of each frame are kept; options or a file replace them for all frames.
    """
    from figment.cli.progress import run
    from figment.studio.swap_result import merged
    from figment.studio.swap_result import opened as merge_opened

    given = {name: value for name, value in values.items() if _is_given(name)}
    if interactive and (given or file):
        raise InputError("An interactive merge takes its settings by keys; leave options and --settings out.")
    workspace = opened(root)
    declared(workspace, src_consent, dst_consent)
    if interactive:
        from figment.cli.merge_keys import interactive as by_keys

        by_keys(run(merge_opened(workspace)), workspace.root / "merge_preview.png")
        return
    click.echo(f"{run(merged(workspace, given, file))} frames made")


def _is_given(name: str) -> bool:
    return click.get_current_context().get_parameter_source(name) is not ParameterSource.DEFAULT
