"""The server as a process: what it loads, what it says, and that all of it ends with it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from fastapi.testclient import TestClient

from figment.core.errors import InputError
from figment.server.app import app
from figment.server.settings import Settings

STUDIO = (sys.executable, "-m", "figment", "studio")


def test_the_server_loads_no_tensor_library() -> None:
    heavy = ("torch", "diffusers", "transformers", "openvino", "scipy")
    script = f"import sys, figment.server.app; print([m for m in {heavy} if m in sys.modules])"
    kinds = "from figment.studio.jobs import kinds; [kinds.kind(name) for name in kinds.names()];"
    out = subprocess.run([sys.executable, "-c", kinds + script], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_the_interface_is_described(tmp_path: Path) -> None:
    described = app(Settings(tmp_path, work=False)).openapi()
    assert {"/api/jobs", "/api/events", "/api/gallery"} <= set(described["paths"])
    assert described["components"]["schemas"]["JobView"]["properties"]["eta"]


def test_a_port_in_use_is_said(tmp_path: Path) -> None:
    with _studio(tmp_path) as first:
        port = _address(first).rpartition(":")[2]
        other = ["--port", port, "--root", str(tmp_path / "other")]
        second = subprocess.run([*STUDIO, *other], capture_output=True, text=True, timeout=60, check=False)
        assert second.returncode == 2
        assert f"Port {port}" in second.stderr
        with pytest.raises(InputError, match="Another studio"):
            app(Settings(tmp_path))


def test_a_killed_server_takes_its_workers_along_and_goes_on(tiny_run: Path) -> None:
    """The server sees a part of a job, dies, and comes back to finish it."""
    asked = {"request": {"prompt": "a", "model": "tiny", "steps": 150, "count": 2, "seed": 3}}
    with _studio(tiny_run) as first:
        address = _address(first)
        id = _call(f"{address}/api/jobs", {"kind": "create", "parameters": asked})["id"]
        _until(lambda: _call(f"{address}/api/jobs/{id}")["step"] > 0)
        children = _children(first.pid)
        assert len(children) == 2
        first.kill()
        _until(lambda: not any(_lives(pid) for pid in children))
    with _studio(tiny_run) as second:
        address = _address(second)
        _until(lambda: _call(f"{address}/api/jobs/{id}")["finished"] is not None)
        assert _call(f"{address}/api/jobs/{id}")["error"] == ""
        assert len(_call(f"{address}/api/jobs/{id}")["result"]["files"]) == 2
        assert len(list((tiny_run / "outputs").glob("2*/*.png"))) == 2
        second.send_signal(signal.SIGINT)
        second.wait(60)
        assert second.returncode == 130


def heed_interrupts() -> None:
    """Also where the tests run in the background, whose programs are started with Ctrl-C switched off."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextmanager
def _studio(root: Path) -> Iterator["subprocess.Popen[str]"]:
    command = [*STUDIO, "--port", "0", "--root", str(root)]
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": ""}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=environment, preexec_fn=heed_interrupts
    ) as studio:
        try:
            yield studio
        finally:
            studio.kill()


def _address(studio: "subprocess.Popen[str]") -> str:
    assert studio.stdout is not None
    return next(word for word in studio.stdout.readline().split() if word.startswith("http://"))


def _call(url: str, body: object = None) -> Any:
    address = urlsplit(url)
    connection = HTTPConnection(address.netloc, timeout=30)
    data = None if body is None else json.dumps(body)
    connection.request("GET" if data is None else "POST", address.path, data, {"Content-Type": "application/json"})
    with connection.getresponse() as answer:
        found = json.load(answer)
    connection.close()
    return found


def _until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 90
    while not condition():
        assert time.monotonic() < end, "it did not come in time"
        time.sleep(0.05)


def _children(pid: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            if stat.read_text().rpartition(")")[2].split()[1] == str(pid):
                found.append(int(stat.parent.name))
        except OSError:
            continue
    return found


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("path", ["/", "/index.html", "/icon.svg"])
def test_the_page_is_served_by_itself_and_nothing_beside_it(client: TestClient, path: str) -> None:
    shown = client.get(path)
    assert (shown.status_code, client.head(path).status_code) == (200, 200)
    assert client.get(path, headers={"If-None-Match": shown.headers["etag"]}).status_code == 304
    assert client.get("/seal.txt").status_code == 404


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_path_that_is_nobodys_is_not_found(client: TestClient, method: str) -> None:
    for path in ("/nothing", "/api/nothing", "/sdapi/v1/nothing", "/v1/nothing", "/assets/nothing.js"):
        assert client.request(method, path).status_code == (405 if method != "GET" and "assets" in path else 404)


@pytest.mark.parametrize(
    ("method", "path", "allowed"), [("POST", "/api/me", "GET"), ("GET", "/sdapi/v1/txt2img", "POST")]
)
def test_a_wrong_method_is_told_the_right_one(client: TestClient, method: str, path: str, allowed: str) -> None:
    answer = client.request(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
