"""An interactive merge in the terminal: each key changes how the frame is merged, and a picture file shows it.

What is set is kept with every key, so that no way of ending it loses anything.
"""

import os
import select
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import click

from figment.core.config import to_dict
from figment.core.errors import InputError
from figment.faceswap.merge import MergeSettings
from figment.faceswap.merge.keys import ESCAPE, HELP, State, pressed
from figment.faceswap.merge.preview import shown, write
from figment.faceswap.merging import Merging

__all__ = ["interactive"]

PATIENCE = 0.05
"""Seconds in which the rest of an arrow key's code must follow its escape character."""
PAUSE = 0.5
"""Least seconds between two previews while frames are merged without keys."""
ALWAYS = ("mode", "mask", "colour")
"""Settings that are shown even where they are as in a fresh project."""


def interactive(merging: Merging, preview: Path) -> None:
    """Let the user merge frame by frame, each shown in the picture file `preview`, until escape or Ctrl-C.

    Raises InputError where there is no terminal.
    """
    state = State(merging.session.settings(), frame=merging.session.shown)
    with _keyboard() as keyboard:
        click.echo(f"{preview} shows the frame. Tab lists the keys, escape ends; all that is set is kept.")
        try:
            _show(merging, state, preview)
            while not state.ended:
                state = _kept(merging, state, _next(merging, state, preview, keyboard))
                if not (keyboard.waiting or state.ended or state.running):
                    _show(merging, state, preview)
        except KeyboardInterrupt:
            pass
        finally:
            click.echo()


class _Keyboard:
    """Keys from a terminal, as they are pressed."""

    def __init__(self, file: int) -> None:
        self.file = file

    @property
    def waiting(self) -> bool:
        """Whether a key is pressed already."""
        return self._follows(0)

    def key(self) -> str:
        """The next key: a character, or nothing for one of many, such as an arrow; escape where input ends."""
        byte = os.read(self.file, 1)
        if byte == b"\x1b" and self._follows(PATIENCE):
            os.read(self.file, 16)
            return ""
        return byte.decode("ascii", "ignore") if byte else ESCAPE

    def _follows(self, seconds: float) -> bool:
        return bool(select.select([self.file], [], [], seconds)[0])


@contextmanager
def _keyboard() -> Iterator[_Keyboard]:
    """The terminal, which until the block ends hands out each key at once and does not repeat it on the screen."""
    if not sys.stdin.isatty() or sys.platform == "win32":
        raise InputError("An interactive merge needs a terminal of Linux or macOS; give settings in a file instead.")
    import termios  # these two are not everywhere
    import tty

    file = sys.stdin.fileno()
    before = termios.tcgetattr(file)
    tty.setcbreak(file)
    try:
        yield _Keyboard(file)
    finally:
        termios.tcsetattr(file, termios.TCSADRAIN, before)


def _next(merging: Merging, state: State, preview: Path, keyboard: _Keyboard) -> State:
    """The state after the next key, or after the run that the last key began."""
    if not state.running:
        return pressed(state, keyboard.key())
    first, last = state.frame, len(state.settings) - 1
    due = time.monotonic() + PAUSE
    with closing(merging.run(first)) as run:
        for report in run:
            state = replace(state, frame=min(last, first + report.step))
            _say(_line(state))
            if report.preview is not None and time.monotonic() > due:
                write(preview, report.preview)
                due = time.monotonic() + PAUSE
            if keyboard.waiting:
                return pressed(state, keyboard.key())
    return replace(state, frame=last, running=False)


def _kept(merging: Merging, before: State, state: State) -> State:
    """`state`, of which the session keeps what is other than `before`; help is shown where it was asked for."""
    if state.settings is not before.settings:
        merging.session.keep(state.settings)
    if state.frame != before.frame:
        merging.session.shown = state.frame
    if state.help and not before.help:
        click.echo(f"\n{HELP}")
    return state


def _show(merging: Merging, state: State, preview: Path) -> None:
    write(preview, shown(merging.frame(state.frame), state.zoom, state.checkers, merging.finish))
    _say(_line(state))


def _line(state: State) -> str:
    """Where the merge stands, and what is set."""
    fresh, now = to_dict(MergeSettings()), to_dict(state.current)
    words = [f"frame {state.frame + 1} of {len(state.settings)}", *(now[name] for name in ALWAYS)]
    changed = {name: value for name, value in now.items() if value != fresh[name] and name not in ALWAYS}
    words += [f"{name.replace('_', ' ')} {value}" for name, value in changed.items()]
    words += [f"zoom {state.zoom} %"] * (state.zoom != 100) + ["checkers"] * state.checkers + ["..."] * state.running
    return "  ".join(words)


def _say(line: str) -> None:
    """Show `line` in place of the last, as far as there is room."""
    click.echo(f"\r\x1b[K{line[: shutil.get_terminal_size().columns - 1]}", nl=False)
