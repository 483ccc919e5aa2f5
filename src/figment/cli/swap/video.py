"""`figment swap video`."""

from pathlib import Path
from typing import Any

import click

from figment.cli.options import options_of
from figment.cli.swap import opened, workspace_option
from figment.core.config import from_dict
from figment.faceswap.video import VideoSettings

__all__ = ["command"]


@click.command(name="video")
@workspace_option
@options_of(VideoSettings, short={})
@click.option("--masks", is_flag=True, help="Make result_mask.mp4 too, which shows where faces were put.")
def command(root: Path, masks: bool, **values: Any) -> None:
    """Make result.mp4 of the merged frames, and print its name.

    It has the sound and the times of the clip. Every frame carries a label that people see and a watermark, and the
    clip is signed: it says that a face was placed, into which clip, and by which consent. result_strip.png shows
    frames before and after.
    """
    settings = from_dict(VideoSettings, values)
    from figment.cli.progress import run
    from figment.studio.swap_result import result

    click.echo(run(result(opened(root), settings, with_masks=masks)))
