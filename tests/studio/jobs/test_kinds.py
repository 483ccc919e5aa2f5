"""What may be asked of a job, and by which names."""

from pathlib import Path
from typing import Any

import pytest

from figment.core.config import schema
from figment.core.errors import InputError
from figment.studio.jobs import kinds
from figment.studio.jobs.places import Places


def test_kinds_are_their_files() -> None:
    assert set(kinds.names()) >= {"compare", "create", "sample", "train", "verify"}
    assert kinds.names(quick=True) == ("verify",)
    for name in kinds.names():
        assert schema(kinds.kind(name).Parameters)["type"] == "object"


def test_an_open_seed_is_drawn_once(tiny_run: Path) -> None:
    asked = {"request": {"prompt": "a", "model": "tiny"}}
    found = kinds.prepared("create", asked, Places(tiny_run))
    assert isinstance(found["request"]["seed"], int)
    assert kinds.prepared("create", found, Places(tiny_run)) == found


def test_cost_grows_with_work() -> None:
    def cost(**values: Any) -> float:
        return kinds.cost("create", {"request": {"prompt": "a", **values}})

    assert cost(count=4) == pytest.approx(4 * cost())
    assert cost(size="256") == pytest.approx(cost() / 4)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("create", {"request": {"prompt": "a", "out": "/tmp/x.png"}}),
        ("create", {"request": {"prompt": "a", "model": "/etc/passwd"}}),
        ("create", {"request": {"prompt": "a", "model": "runs/tiny/model.safetensors"}}),
        ("create", {"request": {"prompt": "a", "init": "/etc/passwd"}}),
        ("create", {"request": {"prompt": "a", "init": "uploads/../runs/tiny/model.safetensors"}}),
        ("create", {"request": {"prompt": "a", "init": "outputs/.making/x.png"}}),
        ("create", {"request": {"prompt": "a", "init": "http://example.com/x.png"}}),
        ("create", {"request": {"prompt": "a"}, "options": {"vae": "../x"}}),
        ("create", {"request": {"prompt": "a", "steps": 0}}),
        ("create", {"request": {"prompt": "a"}, "more": 1}),
        ("train", {"family": "ddpm", "data": ["folder:/etc"]}),
        ("train", {"family": "ddpm", "data": ["train=npz:../x.npz"]}),
        ("train", {"family": "../x"}),
        ("train", {"family": "ddpm", "run": "../x"}),
        ("sample", {"model": "../x"}),
        ("compare", {"models": []}),
        ("verify", {"file": "uploads/none.png"}),
        ("nothing", {}),
    ],
)
def test_what_is_refused(tiny_run: Path, kind: str, values: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        kinds.prepared(kind, values, Places(tiny_run))


def test_users_do_not_see_each_others_files(tiny_run: Path) -> None:
    own = Places(tiny_run, "ann").uploads / "a.png"
    own.parent.mkdir(parents=True)
    own.write_bytes(b"x")
    assert Places(tiny_run, "ann").file("uploads/a.png") == own
    assert Places(tiny_run, "ann").name(own) == "uploads/a.png"
    with pytest.raises(InputError):
        Places(tiny_run, "bob").file("uploads/a.png")
