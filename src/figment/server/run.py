"""A server in this process, until it is told to end."""

import logging
import socket
from collections.abc import Callable

import uvicorn

from figment.core.errors import InputError
from figment.server.app import app
from figment.server.settings import LOOPBACK, Settings

__all__ = ["serve"]

SHORTEST_TOKEN = 12
"""Characters of a token that cannot be guessed in a day, if chosen at random."""

KEPT = 75
"""Seconds for which an idle connection is kept: longer than clients do, so that none sends into a closing one."""


def serve(settings: Settings, started: Callable[[str], object]) -> None:
    """Serve until SIGINT or SIGTERM; `started` is told the address once connections are taken.

    Raises InputError for an address that cannot be had, and for one that others reach without a token.
    """
    if settings.host not in LOOPBACK and len(settings.token) < SHORTEST_TOKEN:
        raise InputError(
            f"{settings.host} can be reached by others; give a --token of at least {SHORTEST_TOKEN} characters."
        )
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    bound = _bound(settings.host, settings.port)
    name = f"[{settings.host}]" if ":" in settings.host else settings.host
    with bound:
        configuration = uvicorn.Config(
            app(settings),
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=KEPT,
            timeout_graceful_shutdown=2,
        )
        started(f"http://{name}:{bound.getsockname()[1]}")
        uvicorn.Server(configuration).run(sockets=[bound])


def _bound(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises InputError when the address is taken or not this computer's."""
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        bound.listen(1024)
    except OSError as error:
        bound.close()
        raise InputError(f"Port {port} of {host} cannot be had ({error.strerror}); give another --port.") from None
    return bound
