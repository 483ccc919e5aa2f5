"""Open every file of a folder as a user would, in a process of its own, and print what was said and the memory taken.

python open_hostile.py FOLDER
"""

import json
import sys
from itertools import islice
from pathlib import Path

from figment.pixels import clips, files
from figment.pixels.errors import PixelError


def said_of(path: Path) -> str:
    """The refusal of the file at `path`; "read" when there was none."""
    try:
        if path.suffix in files.SUFFIXES:
            files.load(path)
            files.read_text(path)
        else:
            clips.probe(path)
            for _ in islice(clips.frames(path), 3):
                pass
    except PixelError as error:
        return str(error)
    return "read"


def memory() -> int:
    """Most bytes that this process has held; 0 on Windows, which does not tell."""
    if sys.platform == "win32":
        return 0
    status = Path("/proc/self/status")
    if status.is_file():  # Linux, where getrusage counts what the process held before it became this program
        return int(status.read_text().partition("VmHWM:")[2].split()[0]) * 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    before = memory()
    said = {path.name: said_of(path) for path in sorted(Path(sys.argv[1]).iterdir())}
    print(json.dumps({"said": said, "memory": memory() - before}))
