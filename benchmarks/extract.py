"""What taking faces out of a clip costs, and in how many frames one is found.

    python benchmarks/extract.py CLIP [--person N]

Prints frames, faces, seconds by the clock and of the processor, frames in a second of each. Nothing of an earlier run
is used.
"""

import argparse
import shutil
import tempfile
import time
from pathlib import Path

from figment.faceswap.extract import ExtractSettings, extract
from figment.faceswap.workspace import Workspace


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--person", type=int)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(arguments.clip, Path(folder) / f"data_src{arguments.clip.suffix}")
        workspace = Workspace(Path(folder))
        clock, processor = time.perf_counter(), time.process_time()
        for _ in extract(workspace, "src", ExtractSettings(person=arguments.person)):
            pass
        spent = time.perf_counter() - clock, time.process_time() - processor
        side = workspace.side("src")
        faces = side.faceset.faces()
        print(f"{side.count} frames, {len({face.frame for face in faces})} with a face, {len(faces)} faces")
        for name, seconds in zip(("clock", "processor"), spent, strict=True):
            print(f"{name:9} {seconds:6.2f} s, {side.count / seconds:5.1f} frames/s")


if __name__ == "__main__":
    main()
