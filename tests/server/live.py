"""A server with its workers that is reached over a socket, as real clients reach it."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from figment.server.app import app
from figment.server.settings import Settings

__all__ = ["running"]


@contextmanager
def running(root: Path, token: str = "", *, work: bool = True) -> Iterator[str]:
    """Its address, "http://127.0.0.1:PORT"; without workers where no `work` is wanted."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(app(Settings(root, token=token, work=work)), log_level="warning", lifespan="on", ws="none")
    )
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    try:
        until = time.monotonic() + 30
        while not server.started and thread.is_alive() and time.monotonic() < until:
            time.sleep(0.02)
        assert server.started
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listening.close()
