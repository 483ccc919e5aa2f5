"""How a server is set up."""

from dataclasses import dataclass
from pathlib import Path

__all__ = ["LOOPBACK", "Settings"]

LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Settings:
    """What `figment studio` was told."""

    root: Path
    """Folder with models/, runs/ and outputs/."""
    host: str = "127.0.0.1"
    port: int = 7860
    token: str = ""
    """Key of the user of this computer; asked for of everyone when it is set."""
    names: tuple[str, ...] = ()
    """Names besides localhost by which browsers may call this server."""
    work: bool = True
    """Whether workers are started."""
    capacity: int = 256
    """Jobs that may wait."""
    per_user: int = 64
    """Jobs of one user that may wait."""
    most_body: int = 2**20
    """Bytes of a request."""
    most_upload: int = 64 * 2**20
    """Bytes of a request that carries pictures."""
    most_uploads: int = 2 * 2**30
    """Bytes of all uploads of one user."""
