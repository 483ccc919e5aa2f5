"""Where what belongs to this installation lives on this computer: its identity, keys and ledger."""

import os
import sys
from pathlib import Path

__all__ = ["figment_home"]


def figment_home() -> Path:
    """The folder of this installation: $FIGMENT_HOME, or "figment" in the user's configuration folder."""
    chosen = os.environ.get("FIGMENT_HOME")
    if chosen:
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming") / "figment"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "figment"
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "figment"
