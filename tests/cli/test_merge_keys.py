"""An interactive merge in a pseudo terminal: keys in, pictures and kept settings out."""

import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from tests.faceswap.made_clip import COUNT, merging

from figment.cli.merge_keys import interactive
from figment.core.errors import InputError
from figment.faceswap.merge import MergeSettings
from figment.faceswap.merge.preview import shown
from figment.pixels.files import load

SCRIPT = """
import sys
from pathlib import Path
from figment.cli.merge_keys import interactive
from tests.faceswap.made_clip import merging
folder = Path(sys.argv[1])
interactive(merging(folder), folder / "merge_preview.png")
print("ended well", flush=True)
"""


def heed_interrupts() -> None:
    """Also where the tests run in the background, whose programs are started with Ctrl-C switched off."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Terminal:
    """A process whose input and output is a terminal."""

    def __init__(self, folder: Path) -> None:
        self.ours, theirs = pty.openpty()
        self.before = termios.tcgetattr(theirs)
        self.theirs = theirs
        self.text = ""
        command = [sys.executable, "-c", SCRIPT, str(folder)]
        wide = {**os.environ, "COLUMNS": "200"}
        self.process = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, env=wide, preexec_fn=heed_interrupts
        )

    def read(self, wanted: str, seconds: float = 30) -> str:
        """What is shown up to `wanted`, which is waited for."""
        end = time.monotonic() + seconds
        while wanted not in self.text:
            assert select.select([self.ours], [], [], end - time.monotonic())[0], (wanted, self.text)
            self.text += os.read(self.ours, 4096).decode()
        before, _, self.text = self.text.partition(wanted)
        return before + wanted

    def press(self, keys: str) -> None:
        """Press `keys` one after another."""
        os.write(self.ours, keys.encode())


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    """An interactive merge that shows its first frame."""
    made = Terminal(tmp_path)
    made.read("frame 1 of 19  overlay  learned-prd*learned-dst  rct")
    yield made
    made.process.kill()
    made.process.wait()
    os.close(made.ours)
    os.close(made.theirs)


def test_keys_change_what_is_shown_and_kept(terminal: Terminal, tmp_path: Path) -> None:
    preview = tmp_path / "merge_preview.png"
    assert np.array_equal(load(preview), merging(tmp_path).session.load(0).frame)
    before = preview.read_bytes()
    terminal.press("W")
    terminal.read("erode 5")
    assert preview.read_bytes() != before
    terminal.press("c\x1b[A")  # an arrow means nothing, least of all escape
    terminal.read("lct  erode 5")
    terminal.press("//")
    terminal.read("frame 3 of 19  overlay  learned-prd*learned-dst  lct  erode 5")
    terminal.press("\t")
    terminal.read("bicubic degrade")
    terminal.press("=v")
    terminal.read("zoom 150 %  checkers")
    wanted = shown(merging(tmp_path).session.load(2), 150, True)
    assert np.array_equal(load(preview), wanted)
    terminal.press("\x1b")
    terminal.read("ended well")
    assert terminal.process.wait(30) == 0
    kept = merging(tmp_path).session
    assert kept.shown == 2
    assert [one.erode for one in kept.settings()] == [5, 5, 5, *[0] * (COUNT - 3)]
    assert {one.colour.value for one in kept.settings()[:3]} == {"lct"}


def test_the_rest_is_merged_at_one_key(terminal: Terminal, tmp_path: Path) -> None:
    terminal.press(",..>")
    terminal.read("frame 19 of 19")
    terminal.press("\x1b")
    terminal.read("ended well")
    assert set(merging(tmp_path).session.made()) >= set(range(2, COUNT)) - {4, 12}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_nothing_is_lost_however_it_ends(terminal: Terminal, tmp_path: Path, number: signal.Signals) -> None:
    terminal.press("E")
    terminal.read("blur 5")
    terminal.press(".")
    terminal.read("frame 2 of 19")
    os.kill(terminal.process.pid, number)
    code = terminal.process.wait(30)
    assert code == (0 if number is signal.SIGINT else -signal.SIGKILL)
    kept = merging(tmp_path).session
    assert kept.shown == 1
    assert kept.settings()[0] == MergeSettings(blur=5)
    if number is signal.SIGINT:
        terminal.read("ended well")
        assert termios.tcgetattr(terminal.theirs) == terminal.before


def test_without_a_terminal_a_sentence_says_so(tmp_path: Path) -> None:
    with CliRunner().isolation(), pytest.raises(InputError, match="needs a terminal"):
        interactive(merging(tmp_path), tmp_path / "preview.png")
