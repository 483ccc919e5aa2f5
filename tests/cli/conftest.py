"""The command line, called in this process."""

import signal
import sys
from collections.abc import Callable, Iterator

import pytest

from figment.cli import main

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def figment(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Call the command; gives exit code, stdout and stderr."""
    handler = signal.getsignal(signal.SIGTERM)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["figment", *arguments])
        with pytest.raises(SystemExit) as stopped:
            main()
        shown = capsys.readouterr()
        assert isinstance(stopped.value.code, int)
        return stopped.value.code, shown.out, shown.err

    yield run
    signal.signal(signal.SIGTERM, handler)
