"""One tiny checkpoint of every kind, and a cache that is not the user's."""

from pathlib import Path

import pytest
from tests.diffusion import made

from figment.diffusion.kinds import Base


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[Base, Path]:
    root = tmp_path_factory.mktemp("checkpoints")
    return {base: made.write(root / f"{base.name}.safetensors", base) for base in Base}


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("FIGMENT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"
