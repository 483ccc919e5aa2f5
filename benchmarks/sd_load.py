"""From a checkpoint to the first step, and the memory that takes, in processes of their own.

    python benchmarks/sd_load.py sd15.safetensors [--size 512] [--switches 8 --other sd15-b.safetensors]

A file never seen has no entry in the cache of hashes; it is read once beforehand, so that the system's cache is warm.
Prints seconds from the start of the work until the networks are ready and the prompts encoded, until the first guided
step has ended, and until a picture of one step is decoded; and the most memory used. With --switches, the memory after
each change of model.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CHILD = "--child"


def memory(field: str) -> float:
    """Gigabytes of this process, "VmHWM" for the most so far or "VmRSS" for now; Linux alone."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1e6


def child(paths: list[str], size: int, switches: int) -> None:
    """Draw one step with each of `paths` in turn and print what it took."""
    begun = time.perf_counter()
    from figment.core.task import finish
    from figment.diffusion.engine import Job
    from figment.diffusion.options import Options
    from figment.studio.drop_in import Dropped
    from figment.studio.engines import engine_of

    imported = time.perf_counter()
    found = []
    for number in range(max(1, switches)):
        path = Path(paths[number % len(paths)])
        loaded = engine_of(Dropped(path.stem, path), Options())
        name = loaded.engine.networks.checkpoint.hash
        loaded.engine.unet  # noqa: B018  # it is made when it is asked for
        loaded.engine.text().encode(["a cat", "bad"])
        ready = time.perf_counter()
        task = loaded.engine.draw(Job("a cat", "bad", (number,), 1, 7.0, (size, size)))
        next(task)
        first = time.perf_counter()
        finish(task)
        row = {"imports": imported - begun, "ready": ready - begun, "first step": first - begun}
        row["picture"] = time.perf_counter() - begun
        found.append({"model": name, **row, "resident": memory("VmRSS"), "most": memory("VmHWM")})
    print(json.dumps(found))


def measured(paths: list[Path], size: int, switches: int, cache: str) -> list[dict[str, float]]:
    command = [sys.executable, __file__, CHILD, *map(str, paths), "--size", str(size), "--switches", str(switches)]
    environment = {**os.environ, "FIGMENT_CACHE": cache}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    found: list[dict[str, float]] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", type=Path, nargs="+")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--switches", type=int, default=0)
    parser.add_argument("--other", type=Path)
    parser.add_argument(CHILD, action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child([str(path) for path in options.paths], options.size, options.switches)
        return
    with tempfile.TemporaryDirectory() as cache:
        options.paths[0].read_bytes()
        for name in ("never seen", "seen before"):
            row = measured(options.paths[:1], options.size, 0, cache)[0]
            print(
                f"{name:12} imports {row['imports']:.1f} s, ready for the first step after {row['ready']:.1f} s, "
                f"it ends after {row['first step']:.1f} s, the picture after {row['picture']:.1f} s, "
                f"at most {row['most']:.2f} GB"
            )
        if options.switches:
            both = [options.paths[0], options.other or options.paths[0]]
            rows = measured(both, options.size, options.switches, cache)
            for number, row in enumerate(rows, start=1):
                share = row["resident"] / rows[0]["resident"] - 1
                print(f"model {number}: {row['resident']:.2f} GB resident, {share:+.1%} of the first")


if __name__ == "__main__":
    main()
