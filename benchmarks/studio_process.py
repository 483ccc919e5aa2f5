"""A studio as a process of its own, and a client for it, for the benchmarks of the server."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from figment import families
from figment.core.checkpoint import Metadata
from figment.core.config import to_dict
from figment.core.dataset import Source

__all__ = ["Answer", "Client", "children", "computed", "resident", "studio", "with_tiny_model"]


def with_tiny_model(root: Path) -> None:
    """Put a model of some thousand weights into the folder `root`, called "tiny"."""
    family = "latent_diffusion"
    config = to_dict(import_module(f"figment.families.{family}").TINY)
    torch.manual_seed(0)
    metadata = Metadata(family, config, (Source("noise", "1", "CC0-1.0", 4),), "tiny")
    families.export(families.build(family, config), root / "runs/tiny/model.safetensors", metadata)


@contextmanager
def studio(root: Path, port: int = 0) -> Iterator[tuple["subprocess.Popen[str]", int]]:
    """A studio in `root` and its port; it is killed at the end."""
    command = [sys.executable, "-m", "figment", "studio", "--port", str(port), "--root", str(root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, int(process.stdout.readline().split()[4].rpartition(":")[2])
        finally:
            process.kill()


@dataclass(frozen=True)
class Answer:
    """What the server said."""

    status: int
    headers: Mapping[str, str]
    body: Any


@dataclass
class Client:
    """One connection that is kept, as a browser does."""

    port: int
    key: str = ""
    _streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = field(default=None, repr=False)

    async def call(self, method: str, path: str, body: object = None, key: str | None = None) -> Answer:
        """Ask, and read the whole answer. Raises ConnectionError when the server is not there."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self.port)
        reader, writer = self._streams
        content = b"" if body is None else json.dumps(body).encode()
        lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", f"Content-Length: {len(content)}"]
        lines += ["Content-Type: application/json", f"Authorization: Bearer {self.key}"]
        lines += [f"Idempotency-Key: {key}"] if key else []
        try:
            writer.write("\r\n".join([*lines, "", ""]).encode() + content)
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            headers = {name.lower(): value for name, _, value in (row.partition(": ") for row in head.split("\r\n"))}
            text = await reader.readexactly(int(headers.get("content-length", 0)))
        except (ConnectionError, asyncio.IncompleteReadError) as error:
            self.close()
            raise ConnectionError(str(error)) from error
        return Answer(int(head.split()[1]), headers, json.loads(text) if text else None)

    def close(self) -> None:
        """Hang up."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


def children(pid: int) -> list[int]:
    """Process ids of the children of `pid`, from /proc."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            if stat.read_text().rpartition(")")[2].split()[1] == str(pid):
                found.append(int(stat.parent.name))
        except OSError:
            continue
    return found


def computed(pid: int) -> float:
    """Seconds that a process and its children have computed so far."""
    times = (Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()[11:13] for one in (pid, *children(pid)))
    return sum(int(ticks) for pair in times for ticks in pair) / os.sysconf("SC_CLK_TCK")


def resident(pid: int) -> int:
    """Bytes of memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
