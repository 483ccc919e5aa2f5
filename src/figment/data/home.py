"""Where data sets live on this computer."""

import os
from pathlib import Path

__all__ = ["data_home"]


def data_home() -> Path:
    """The folder of all data sets: $FIGMENT_DATA, or ~/.local/share/figment when that is not set."""
    chosen = os.environ.get("FIGMENT_DATA")
    return Path(chosen).expanduser() if chosen else Path.home() / ".local" / "share" / "figment"
