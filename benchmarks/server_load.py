"""The studio under load: pollers, watchers, 1,000 jobs of 8 users, sharing, fairness, cancelling, ten times too much.

python benchmarks/server_load.py [--jobs 1000] [--overload 60]
"""

import argparse
import asyncio
import json
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path
from statistics import median
from typing import Any

from studio_process import Answer, Client, children, computed, resident, studio, with_tiny_model

ENDED = ("done", "failed", "cancelled")


def small(seed: int, steps: int = 1) -> dict[str, Any]:
    """A job that takes a fraction of a second."""
    return {"kind": "create", "parameters": {"request": {"prompt": "a", "model": "tiny", "steps": steps, "seed": seed}}}


def quantile(values: list[float], share: float) -> float:
    """The value that `share` of them do not exceed."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


async def until_ended(client: Client, id: str) -> dict[str, Any]:
    while (job := (await client.call("GET", f"/api/jobs/{id}")).body)["state"] not in ENDED:
        await asyncio.sleep(0.05)
    return dict(job)


async def polling(port: int, seconds: float) -> None:
    """50 clients ask twice a second how far two jobs are."""
    client, times = Client(port), list[float]()
    ids = [(await client.call("POST", "/api/jobs", small(n, 1000))).body["id"] for n in range(2)]
    end = time.monotonic() + seconds

    async def poll(number: int) -> None:
        own = Client(port)
        await asyncio.sleep(number / 100)
        while time.monotonic() < end:
            begun = time.perf_counter()
            answer = await own.call("GET", f"/api/jobs/{ids[number % 2]}")
            times.append(time.perf_counter() - begun)
            assert answer.status == 200
            await asyncio.sleep(0.5)
        own.close()

    await asyncio.gather(*(poll(number) for number in range(50)))
    for id in ids:
        await client.call("DELETE", f"/api/jobs/{id}")
        await until_ended(client, id)
    client.close()
    shown = ", ".join(f"p{100 * share:g} {1000 * quantile(times, share):.1f} ms" for share in (0.5, 0.95, 0.99))
    print(f"polling: 50 clients, {len(times)} requests while 2 jobs wait and run: {shown}")


async def watching(port: int, pid: int, number: int, seconds: float) -> None:
    """That many clients read the events of a running job: how late they are, and what they cost."""
    client, lags = Client(port), list[float]()
    before = resident(pid)

    async def read() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET /api/events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        try:
            while line := await reader.readline():
                if line.startswith(b"data: "):
                    lags.append(time.time() - json.loads(line[6:])["updated"])
        finally:
            writer.close()

    readers = [asyncio.create_task(read()) for _ in range(number)]
    await asyncio.sleep(1)
    id = (await client.call("POST", "/api/jobs", small(1, 1000))).body["id"]
    await asyncio.sleep(seconds)
    grown = resident(pid) - before
    await client.call("DELETE", f"/api/jobs/{id}")
    await until_ended(client, id)
    for reader in readers:
        reader.cancel()
    await asyncio.gather(*readers, return_exceptions=True)
    client.close()
    shown = ", ".join(f"p{100 * share:g} {1000 * quantile(lags, share):.0f} ms" for share in (0.5, 0.95))
    print(f"watching: {number} clients, {len(lags)} events, late by {shown}; {grown / 2**20:+.1f} MB")


async def cancelling(port: int) -> None:
    """How long a running job of many steps goes on after it was cancelled."""
    client, times, steps = Client(port), list[float](), list[float]()
    for number in range(10):
        id = (await client.call("POST", "/api/jobs", small(number, 1000))).body["id"]
        while not (job := (await client.call("GET", f"/api/jobs/{id}")).body)["step"]:
            await asyncio.sleep(0.01)
        begun, first = time.perf_counter(), job
        await asyncio.sleep(0.5)
        job = (await client.call("GET", f"/api/jobs/{id}")).body
        steps.append((time.perf_counter() - begun) / max(1, job["step"] - first["step"]))
        begun = time.perf_counter()
        await client.call("DELETE", f"/api/jobs/{id}")
        while (await client.call("GET", f"/api/jobs/{id}")).body["state"] not in ENDED:
            await asyncio.sleep(0.005)
        times.append(time.perf_counter() - begun)
    client.close()
    each = f"a step {1000 * median(steps):.0f} ms"
    print(f"cancelling: median {1000 * median(times):.0f} ms, worst {1000 * max(times):.0f} ms; {each}")


async def users(port: int, number: int) -> list[Client]:
    """Clients of that many accounts."""
    admin, found = Client(port), []
    for one in range(number):
        made = await admin.call("POST", "/api/accounts", {"name": f"user-{one}", "role": "user"})
        found.append(Client(port, made.body["key"]))
    admin.close()
    return found


async def many(port: int, pids: dict[str, int], clients: list[Client], number: int) -> float:
    """Jobs of all users at once, each waiting for room; how many ended a second.

    Memory is looked at each time that a hundredth has ended.
    """
    seen: dict[str, list[int]] = {name: [] for name in pids}
    ids: list[str] = []
    begun, already = time.monotonic(), await _ended(port)

    async def submit(client: Client, part: range) -> None:
        for seed in part:
            while (answer := await client.call("POST", "/api/jobs", small(seed), key=f"load-{seed}")).status == 429:
                await asyncio.sleep(0.5)
            assert answer.status == 202, answer
            ids.append(answer.body["id"])

    async def watch() -> None:
        counted = -1
        while True:
            done = await _ended(port) - already
            if done // (number // 100) > counted:
                counted = done // (number // 100)
                for name, pid in pids.items():
                    seen[name].append(resident(pid))
            if done >= number:
                return
            await asyncio.sleep(0.1)

    parts = [range(index, number, len(clients)) for index in range(len(clients))]
    await asyncio.gather(watch(), *(submit(client, part) for client, part in zip(clients, parts, strict=True)))
    spent = time.monotonic() - begun
    jobs = [job for client in clients for job in await _all(client)]
    states = Counter(job["state"] for job in jobs)
    files = [file["path"] for job in jobs for file in job["result"]["files"]]
    print(f"jobs: {len(ids)} accepted of 8 users in {spent:.0f} s, {dict(states)}, {len(files)} pictures, "
          f"ids distinct {len(set(ids)) == number}")  # fmt: skip
    for name, sizes in seen.items():
        half = sizes[len(sizes) // 2 :]
        slope = (half[-1] - half[0]) / (number / 2) / 1024
        print(f"  memory of the {name}: {sizes[0] >> 20} -> {sizes[-1] >> 20} MB, last half {slope:+.1f} KB a job")
    return number / spent


async def _ended(port: int) -> int:
    """How many jobs have ended so far."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET /metrics HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
    text = (await reader.read()).decode()
    writer.close()
    rows = dict(row.rsplit(" ", 1) for row in text.splitlines() if row.startswith("figment_jobs"))
    return sum(int(rows[f'figment_jobs{{state="{state}"}}']) for state in ENDED)


async def _all(client: Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        before = f"&before={found[-1]['id']}" if found else ""
        page = (await client.call("GET", f"/api/jobs?limit=200{before}")).body
        if not page:
            return found
        found += page


async def fairness(clients: list[Client]) -> None:
    """One user's 50 jobs, and after the first of them one job of another."""
    hog, other = clients[:2]
    posted = [await hog.call("POST", "/api/jobs", small(n)) for n in range(50)]
    mine = [answer.body["id"] for answer in posted]
    while (await hog.call("GET", f"/api/jobs/{mine[2]}")).body["state"] not in ENDED:
        await asyncio.sleep(0.01)
    id = (await other.call("POST", "/api/jobs", small(1))).body["id"]
    job = await until_ended(other, id)
    before = 0
    for one in mine:
        ended = await until_ended(hog, one)
        before += job["created"] < ended["finished"] < job["finished"]
    print(f"fairness: {before} of 50 jobs of one user ended between another's submission and its end")


async def sharing(pid: int, clients: list[Client]) -> None:
    """A request of each user for the shipped model: drawn together, and as reproducible jobs, three times in turn."""
    found: dict[bool, list[tuple[float, float]]] = {False: [], True: []}
    for turn in range(-1, 6):
        alone = turn % 2 == 1
        begun, spent = time.monotonic(), computed(pid)
        ids = []
        for number, client in enumerate(clients):
            client.close()  # the server has hung up by now
            request = {"prompt": "a red apple", "steps": 12 + number % 5, "seed": number, "guidance": 2 + number % 3}
            body = {"kind": "create", "parameters": {"request": request, "reproducible": alone}}
            ids.append((await client.call("POST", "/api/jobs", body)).body["id"])
        await asyncio.gather(*(until_ended(client, id) for client, id in zip(clients, ids, strict=True)))
        if turn >= 0:  # the first loads the model
            found[alone].append((computed(pid) - spent, time.monotonic() - begun))
    shared, single = ([median(column) for column in zip(*found[alone], strict=True)] for alone in (False, True))
    gain = [one / other for one, other in zip(single, shared, strict=True)]
    for name, (cpu, clock) in (("together", shared), ("alone", single)):
        print(f"sharing: {len(clients)} requests of 128 px {name}: {cpu:.1f} s CPU, {clock:.1f} s")
    print(f"sharing: gain {gain[0]:.2f} of the CPU, {gain[1]:.2f} by the clock")


async def overload(clients: list[Client], rate: float, seconds: float) -> None:
    """Submissions at a fixed rate, whatever the answers."""
    answers: list[tuple[Answer, float]] = []
    idle: dict[str, list[Client]] = defaultdict(list)
    broken = 0

    async def post(client: Client, number: int) -> None:
        nonlocal broken
        own = idle[client.key].pop() if idle[client.key] else Client(client.port, client.key)
        begun = time.perf_counter()
        try:
            answers.append((await own.call("POST", "/api/jobs", small(number)), time.perf_counter() - begun))
        except ConnectionError:
            broken += 1
        idle[client.key].append(own)

    begun, tasks = time.monotonic(), list[asyncio.Task[None]]()
    while (now := time.monotonic() - begun) < seconds:
        while len(tasks) < now * rate:
            tasks.append(asyncio.create_task(post(clients[len(tasks) % len(clients)], len(tasks))))
        await asyncio.sleep(0.005)
    await asyncio.gather(*tasks)
    for own in (own for clients_of in idle.values() for own in clients_of):
        own.close()
    states = Counter(answer.status for answer, _ in answers)
    patient = all("retry-after" in answer.headers for answer, _ in answers if answer.status == 429)
    refused = [spent for answer, spent in answers if answer.status == 429] or [0.0]
    print(f"overload: {rate:.0f} a second for {seconds:.0f} s: {dict(states)}, {broken} broken connections; "
          f"429 with Retry-After: {patient}, p99 {1000 * quantile(refused, 0.99):.0f} ms")  # fmt: skip
    end = time.monotonic() + 600
    for client in clients:
        client.close()  # the server has hung up by now
        for job in await _all(client):
            await until_ended(client, job["id"])
            assert time.monotonic() < end


async def measure(port: int, pid: int, jobs: int, seconds: float) -> None:
    warm = Client(port)
    for number in range(20):
        await until_ended(warm, (await warm.call("POST", "/api/jobs", small(number))).body["id"])
    begun = time.monotonic()
    for number in range(20):
        await until_ended(warm, (await warm.call("POST", "/api/jobs", small(number))).body["id"])
    each = (time.monotonic() - begun) / 20
    print(f"a small job takes {1000 * each:.0f} ms, polling included")
    pids = {"server": pid} | dict(zip(("first worker", "second worker"), sorted(children(pid)), strict=False))
    await polling(port, 20)
    await watching(port, pid, 100, 10)
    await cancelling(port)
    clients = await users(port, 8)
    rate = await many(port, pids, clients, jobs)
    await sharing(pid, clients)
    await fairness(clients)
    if seconds:
        await overload(clients, 10 * rate, seconds)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--overload", type=float, default=60)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        with_tiny_model(Path(folder))
        with studio(Path(folder)) as (process, port):
            asyncio.run(measure(port, process.pid, asked.jobs, asked.overload))


if __name__ == "__main__":
    main()
