"""kill -9 at random moments of a studio at work: what becomes of the jobs that it had accepted.

python benchmarks/server_kill.py [--kills 20] [--seed 0]

Jobs that make pictures, with one training among them, are submitted all the while; the server, with its whole tree, or
one of its workers is killed each time. In the end every accepted job must be done once, and its pictures be in the
gallery once: each job has its own seeds, which are in the names of its pictures.
"""

import argparse
import asyncio
import contextlib
import os
import random
import signal
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from studio_process import Client, children, studio, with_tiny_model

TRAINING = {"family": "vqvae", "data": ["digits"], "steps": 600, "batch": 16, "run": "killed", "save_minutes": 0.02}


def pictures(number: int) -> dict[str, Any]:
    """Job `number`: two pictures of seeds that no other job has, in about a second."""
    request = {"prompt": "a", "model": "tiny", "steps": 100, "count": 2, "seed": 1000 + 10 * number}
    return {"kind": "create", "parameters": {"request": request}}


async def until(client: Client, path: str) -> Any:
    """The answer, once there is one."""
    while True:
        with contextlib.suppress(ConnectionError, OSError):
            answer = await client.call("GET", path)
            if answer.status == 200:
                return answer.body
        await asyncio.sleep(0.1)


async def submit(client: Client, accepted: dict[str, str], done: asyncio.Event) -> None:
    """Submit until `done`, each job again under its own key until it is accepted."""
    number = 0
    while not done.is_set():
        body = {"kind": "train", "parameters": TRAINING} if number == 3 else pictures(number)
        with contextlib.suppress(ConnectionError, OSError):
            answer = await client.call("POST", "/api/jobs", body, key=f"job-{number}")
            if answer.status == 202:
                accepted[f"job-{number}"] = answer.body["id"]
                number += 1
            else:
                assert answer.status == 429, answer
        await asyncio.sleep(0.8)
    client.close()


async def kill_often(root: Path, port: int, kills: int, chance: random.Random) -> Counter[str]:
    """Kill the server or a worker, at random moments; the server is started again."""
    killed: Counter[str] = Counter()
    while sum(killed.values()) < kills:
        with studio(root, port) as (process, _):
            await until(client := Client(port), "/health")
            client.close()
            while sum(killed.values()) < kills:
                await asyncio.sleep(chance.uniform(1, 9))
                workers = children(process.pid)
                victim = chance.choice(["server", "worker"]) if workers else "server"
                os.kill(process.pid if victim == "server" else min(workers), signal.SIGKILL)
                killed[victim] += 1
                if victim == "server":
                    break
    return killed


async def measure(root: Path, kills: int, seed: int, port: int) -> None:
    accepted: dict[str, str] = {}
    done, begun = asyncio.Event(), time.monotonic()
    submitting = asyncio.create_task(submit(Client(port), accepted, done))
    killed = await kill_often(root, port, kills, random.Random(seed))  # noqa: S311  # moments need no secrecy
    done.set()
    await submitting
    with studio(root, port):
        client = Client(port)
        jobs = []
        for id in accepted.values():
            while (job := await until(client, f"/api/jobs/{id}"))["finished"] is None:
                await asyncio.sleep(0.2)
            jobs.append(job)
        client.close()
    told = Counter(file["path"] for job in jobs if job["result"] for file in job["result"]["files"])
    there = list((root / "outputs").glob("2*/*.png"))
    seeds = Counter(path.stem.partition("-")[2] for path in there)
    wanted = {str(1000 + 10 * int(key[4:]) + n) for key, id in accepted.items() if key != "job-3" for n in range(2)}
    print(f"kills: {dict(killed)} in {time.monotonic() - begun:.0f} s; accepted {len(jobs)} jobs, "
          f"ended {dict(Counter(job['state'] for job in jobs))}")  # fmt: skip
    print(f"pictures: {len(there)} in the gallery, {len(told)} in results; lost {len(wanted - set(seeds))}, "
          f"doubled {sum(n > 1 for n in seeds.values())}, of nobody {len(set(seeds) - wanted)}")  # fmt: skip
    print(f"left over: {len(list((root / 'outputs/.making').glob('*')))} folders of unfinished work")
    for job in jobs:
        if job["state"] != "done":
            print(f"  {job['kind']} {job['id']}: {job['state']} {job['error']}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--port", type=int, default=7871)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        with_tiny_model(Path(folder))
        asyncio.run(measure(Path(folder), asked.kills, asked.seed, asked.port))


if __name__ == "__main__":
    main()
