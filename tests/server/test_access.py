"""Who is let in, by name, by origin and by key."""

import stat
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from figment.core.errors import InputError
from figment.server.accounts import Accounts
from figment.server.run import serve
from figment.server.settings import Settings

TOKEN = {"Authorization": "Bearer a-long-enough-token"}
STRANGERS = ("evil.example", "evil.example:7860", "127.0.0.1.evil.example")
PATHS = ("/api/jobs", "/api/health", "/metrics", "/api/openapi.json", "/api/gallery", "/none")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:7860", "127.0.0.1.evil.example", "", "127.0.0.1/x", "a@b"]
)
def test_names_of_strangers_are_refused_on_every_path(client: TestClient, path: str, host: str) -> None:
    answer = client.get(path, headers={"Host": host})
    assert answer.status_code == 421
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("host", ["localhost", "localhost:1", "127.0.0.1:9", "[::1]:7860", "192.168.0.7:7860"])
def test_addresses_and_localhost_are_taken(client: TestClient, host: str) -> None:
    assert client.get("/api/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", "http://localhost:7860"])
def test_other_origins_are_refused(client: TestClient, origin: str) -> None:
    asked = {"kind": "sample", "parameters": {"model": "tiny"}}
    assert client.post("/api/jobs", json=asked, headers={"Origin": origin}).status_code == 403
    assert client.get("/api/jobs").json() == []


def test_the_own_origin_is_taken(client: TestClient) -> None:
    assert client.get("/api/jobs", headers={"Origin": "http://127.0.0.1:7860"}).status_code == 200


def test_pictures_of_other_pages_cannot_call(client: TestClient) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
    assert client.get("/api/jobs", headers=headers).status_code == 403


def test_a_key_is_asked_for_everywhere_but_for_health(locked: TestClient) -> None:
    for path in PATHS:
        assert locked.get(path).status_code == (200 if path == "/api/health" else 401)
    for wrong in (b"Bearer no", b"Bearer ", b"Basic bm86bm8=", b"Basic ???", b"Bearer \xe1"):
        assert locked.get("/api/jobs", headers={b"Authorization": wrong}).status_code == 401
    assert locked.get("/api/jobs", headers=TOKEN).json() == []
    basic = "Basic dXNlcjphLWxvbmctZW5vdWdoLXRva2Vu"
    assert locked.get("/api/jobs", headers={"Authorization": basic}).status_code == 200


def test_the_page_keeps_its_key_in_a_cookie(locked: TestClient) -> None:
    assert locked.post("/api/login", json={"key": "wrong"}).status_code == 401
    answer = locked.post("/api/login", json={"key": "a-long-enough-token"})
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert "SameSite=strict" in answer.headers["set-cookie"]
    assert locked.get("/api/me").json() == {"name": "local", "role": "admin"}
    locked.post("/api/logout")
    assert locked.get("/api/me").status_code == 401


def test_accounts_see_their_own(locked: TestClient) -> None:
    keys = {}
    for name in ("ann", "bob"):
        answer = locked.post("/api/accounts", json={"name": name, "role": "user"}, headers=TOKEN)
        assert answer.status_code == 201
        keys[name] = {"Authorization": f"Bearer {answer.json()['key']}"}
    job = locked.post("/api/jobs", json={"kind": "sample", "parameters": {"model": "tiny"}}, headers=keys["ann"]).json()
    assert job["user"] == "ann"
    assert locked.get(f"/api/jobs/{job['id']}", headers=keys["bob"]).status_code == 404
    assert locked.delete(f"/api/jobs/{job['id']}", headers=keys["bob"]).status_code == 404
    assert locked.get("/api/jobs", headers=keys["bob"]).json() == []
    assert locked.get("/api/jobs?everyone=true", headers=keys["bob"]).status_code == 403
    assert len(locked.get("/api/jobs?everyone=true", headers=TOKEN).json()) == 1
    assert locked.post("/api/accounts", json={"name": "eve", "role": "admin"}, headers=keys["bob"]).status_code == 403
    assert locked.delete("/api/accounts/bob", headers=TOKEN).status_code == 204
    assert locked.get("/api/jobs", headers=keys["bob"]).status_code == 401


def test_a_key_is_renewed_by_its_owner_and_by_administrators(locked: TestClient) -> None:
    keys = {}
    for name in ("ann", "bob"):
        keys[name] = locked.post("/api/accounts", json={"name": name, "role": "user"}, headers=TOKEN).json()["key"]
    ann, bob = ({"Authorization": f"Bearer {keys[name]}"} for name in ("ann", "bob"))
    assert locked.post("/api/accounts/ann/key", headers=bob).status_code == 403
    answer = locked.post("/api/accounts/ann/key", headers=ann)
    assert answer.json()["key"] in answer.headers["set-cookie"]
    locked.cookies.clear()
    assert locked.get("/api/me", headers=ann).status_code == 401
    renewed = {"Authorization": f"Bearer {answer.json()['key']}"}
    assert locked.get("/api/me", headers=renewed).json() == {"name": "ann", "role": "user"}
    other = locked.post("/api/accounts/ann/key", headers=TOKEN)
    assert "set-cookie" not in other.headers
    assert locked.get("/api/me", headers=renewed).status_code == 401
    assert [one["name"] for one in locked.get("/api/accounts", headers=TOKEN).json()] == ["bob", "ann"]
    for none in ("eve", "local"):
        assert locked.post(f"/api/accounts/{none}/key", headers=TOKEN).status_code == 422


def test_the_file_of_accounts_holds_no_keys(tmp_path: Path) -> None:
    key = Accounts(tmp_path).add("ann", "user")
    path = tmp_path / ".figment/accounts.json"
    assert key not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = Accounts(tmp_path, "token").who(key)
    assert again is not None
    assert again.name == "ann"


@pytest.mark.parametrize("name", ["", "local", "../x", "Ann", "a/b", "a" * 32])
def test_names_of_accounts(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError):
        Accounts(tmp_path).add(name, "user")


def test_others_are_not_served_without_a_token(tmp_path: Path) -> None:
    for token in ("", "short"):
        with pytest.raises(InputError, match="token"):
            serve(Settings(tmp_path, host="0.0.0.0", token=token), print)


def test_answers_forbid_scripts_of_others(client: TestClient) -> None:
    headers = client.get("/api/health").headers
    assert "default-src 'self'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
