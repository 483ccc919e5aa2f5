"""`figment swap`: the steps of a face swap, one file each."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from figment.cli.lazy import LazyGroup
from figment.core.errors import InputError

if TYPE_CHECKING:
    from figment.faceswap.workspace import Workspace

__all__ = ["command", "consents_options", "declared", "opened", "side_argument", "workspace_option"]

F = TypeVar("F", bound=Callable[..., Any])

COMMANDS = {
    "clear": "Move everything but the two clips into the bin.",
    "frames": "Read a clip from end to end; write its frames as pictures if wanted.",
    "extract": "Take the faces of one person out of a clip.",
    "sort": "Put the faces of a clip in order, and leave some out.",
    "pack": "Write the faces of a clip into one file.",
    "train": "Let a network learn both faces.",
    "merge": "Put the face into the frames, all at once or frame by frame.",
    "video": "Make the clip: labelled, marked, signed, with its sound.",
    "run": "Do all the steps that are not done.",
    "status": "Say how far each step is.",
    "report": "Measure the result beside the clip that it was made from.",
    "unpack": "Take faces out of a packed file.",
    "import": "Take in faces or a network of DeepFaceLab.",
    "export": "Write the faces of a clip as DeepFaceLab reads them.",
}


@click.group(name="swap", cls=LazyGroup, package=__name__, known=COMMANDS)
def command() -> None:
    """Put a consenting person's face into a clip, step by step.

    A workspace is a folder with two clips: data_src.mp4, whose face is taken, and data_dst.mp4, into which it is put
    (.mov, .mkv, .webm, .avi and .gif too). Every step can be stopped and goes on where it was; nothing is deleted.
    """


def workspace_option(function: F) -> F:
    """The option that names the workspace."""
    option = click.option(
        "-w", "--workspace", "root", type=click.Path(path_type=Path), default="workspace", show_default=True,
        help="Folder with the two clips.",
    )  # fmt: skip
    return option(function)


def side_argument(function: F) -> F:
    """The argument that names a side: src or dst."""
    return click.argument("side", type=click.Choice(("src", "dst")))(function)


def consents_options(function: F) -> F:
    """Options that name the records of consent."""
    for name, whose in (("dst", "in the clip"), ("src", "that is put in")):
        function = click.option(f"--{name}-consent", help=f"Record of consent of the person {whose}; kept once named.")(
            function
        )
    return function


def opened(root: Path) -> "Workspace":
    """The workspace in the folder `root`. Raises InputError where there is none."""
    from figment.faceswap.workspace import Workspace

    if not root.is_dir():
        raise InputError(f"There is no folder {root}; make it and put data_src.mp4 and data_dst.mp4 into it.")
    return Workspace(root)


def declared(workspace: "Workspace", src_consent: str | None, dst_consent: str | None) -> None:
    """Keep which consents were named, if any were. Raises InputError for one alone, ConsentError where none holds."""
    if src_consent is None and dst_consent is None:
        return
    if src_consent is None or dst_consent is None:
        raise InputError("Name the consent of both people: --src-consent and --dst-consent.")
    from figment.studio.swap_consent import declare

    declare(workspace, src_consent, dst_consent)
