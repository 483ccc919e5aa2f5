"""The `figment` command. Each noun is one module of this package; none is imported before it is called."""

import signal
import sys
from types import FrameType

import click

from figment import __version__
from figment.cli.lazy import LazyGroup
from figment.core.errors import FigmentError
from figment.pixels.errors import PixelError

__all__ = ["main"]

COMMANDS = {
    "compare": "Measure models side by side.",
    "consent": "Record whose faces may be used, for what and until when.",
    "create": "Make pictures from a sentence.",
    "data": "Build and list data sets.",
    "evaluate": "Measure a model: quality, diversity, likelihood, costs.",
    "explain": "Say what a model family is, its loss and its known weakness.",
    "identity": "Show or renew the key that signs what is made here.",
    "models": "List the models that can be used.",
    "reproduce": "Make a picture again from the settings in its file.",
    "sample": "Make a grid of pictures from a run or a weights file.",
    "studio": "Serve the studio: jobs, gallery and interfaces for other programs.",
    "swap": "Put a consenting person's face into a clip, step by step.",
    "train": "Train a recipe or a model family.",
    "verify": "Say where a picture or clip comes from, as far as can be known.",
}


@click.group(
    cls=LazyGroup,
    package=__name__,
    known=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="figment")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def figment(debug: bool) -> None:
    """Every way that machines make pictures: run, train, compare and use them, offline and honestly labelled."""


def main() -> None:
    """Run the command line. Exit code 0 when done, 2 for what cannot be done, 130 when interrupted."""
    signal.signal(signal.SIGTERM, _interrupt)
    sys.exit(_run(sys.argv[1:]))


def _run(arguments: list[str]) -> int:
    debug = "--debug" in arguments[:1]
    try:
        figment.main(args=arguments, prog_name="figment", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return 2
    except (FigmentError, PixelError) as error:
        if debug:
            raise
        click.echo(f"Error: {error}", err=True)
        return 2
    except (KeyboardInterrupt, click.Abort):
        if debug:
            raise
        click.echo("Stopped.", err=True)
        return 130
    return 0


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
