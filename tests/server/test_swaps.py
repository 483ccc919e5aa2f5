"""Face swaps over HTTP: workspaces of clips that were sent, consent, and steps as jobs."""

from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from tests.faceswap import talking

from figment.core.config import from_dict
from figment.core.errors import InputError
from figment.core.task import finish
from figment.studio.jobs import kinds
from figment.studio.jobs.places import Places
from figment.trust.consent import ConsentError

AGREED = {"subject": "performer", "purpose": "a test", "age": 30, "confirmed": True}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ledger of this test alone."""
    monkeypatch.setenv("FIGMENT_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def sent(client: TestClient, path: Path) -> str:
    said = client.put(f"/api/uploads/{path.name}", content=path.read_bytes())
    assert said.status_code == 201
    name: str = said.json()["file"]
    return name


@pytest.fixture
def film(client: TestClient, home: Path, tmp_path: Path) -> TestClient:
    """A client with a workspace called film."""
    clip = talking.write(tmp_path / "clip.mp4", [talking.frame(number) for number in range(4)])
    file = sent(client, clip)
    made = client.post("/api/swaps", json={"name": "film", "src": file, "dst": file})
    assert made.status_code == 201
    return client


def test_a_workspace_is_made_of_two_clips_and_tells_how_far_it_is(film: TestClient) -> None:
    assert film.get("/api/swaps").json() == ["film"]
    view = film.get("/api/swaps/film").json()
    assert [step["state"] for step in view["steps"]] == ["none"] * 12
    assert (view["consented"], view["shows"]) == (False, ["src", "dst"])
    shown = film.get("/api/swaps/film/files/src")
    assert (shown.status_code, shown.headers["content-type"]) == (200, "video/mp4")
    assert film.get("/api/swaps/film/files/result").status_code == 404


def test_what_cannot_be_made_is_refused(film: TestClient, tmp_path: Path) -> None:
    picture = tmp_path / "a.png"
    picture.write_bytes(b"no clip")
    file = sent(film, picture)
    bad = [{"name": "x", "src": file, "dst": file}, {"name": "../x", "src": file, "dst": file}]
    bad += [{"name": "x", "src": "uploads/none.mp4", "dst": file}, {"name": "x", "src": "/etc/passwd", "dst": file}]
    for body in bad:
        assert 400 <= film.post("/api/swaps", json=body).status_code < 500
    assert film.post("/api/swaps", json={"name": "film", "src": "a", "dst": "b"}).status_code < 500
    for path in ("/api/swaps/nothing", "/api/swaps/film/files/..%2f..%2fetc", "/api/swaps/film/files/consent.json"):
        assert 400 <= film.get(path).status_code < 500


def test_consents_are_recorded_and_named(film: TestClient, tmp_path: Path) -> None:
    form = tmp_path / "form.png"
    form.write_bytes(b"signed")
    evidence = sent(film, form)
    refused = film.post("/api/consents", json={"alias": "anna", **AGREED, "evidence": evidence, "confirmed": False})
    minor = film.post("/api/consents", json={"alias": "anna", **AGREED, "evidence": evidence, "age": 17})
    assert (refused.status_code, minor.status_code) == (422, 422)
    assert film.put("/api/swaps/film/consents", json={"src": "anna", "dst": "boris"}).status_code == 403
    for alias in ("anna", "boris"):
        assert film.post("/api/consents", json={"alias": alias, **AGREED, "evidence": evidence}).status_code == 201
    listed = film.get("/api/consents").json()
    assert [record["alias"] for record in listed["records"]] == ["anna", "boris"]
    assert "minor" in listed["statement"]["en"]
    assert film.put("/api/swaps/film/consents", json={"src": "anna", "dst": "boris"}).json()["consented"]


def test_steps_are_jobs(film: TestClient) -> None:
    asked = {"kind": "swap", "parameters": {"swap": "film", "step": "extract", "side": "src"}}
    assert film.post("/api/jobs", json=asked).status_code == 202
    for wrong in (
        {"swap": "none", "step": "merge"},
        {"swap": "film", "step": "extract"},
        {"swap": "film", "step": "fly"},
    ):
        assert film.post("/api/jobs", json={"kind": "swap", "parameters": wrong}).status_code == 422


def test_a_step_does_its_work_and_one_without_consent_does_not(film: TestClient, tiny_run: Path) -> None:
    module, places = kinds.kind("swap"), Places(tiny_run)
    context = kinds.Context("job", places, tiny_run / "staged")

    def done(**values: object) -> kinds.Made:
        made: kinds.Made = finish(module.run(from_dict(module.Parameters, {"swap": "film", **values}), context))
        return made

    assert done(step="extract", side="src").facts["said"] == "4"
    done(step="sort", side="src", order="blur")
    steps = {step["step"]: step for step in film.get("/api/swaps/film").json()["steps"]}
    assert steps["extract src"]["figures"]["faces"] == 4
    assert steps["sort src"]["state"] == "done"
    with pytest.raises(InputError, match="no faces of data_dst"):
        done(step="pack", side="dst")
    with pytest.raises(ConsentError, match="No consent is named"):
        done(step="train", iterations=1)
