"""Small real things that several tests need."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch

from figment import families
from figment.core.checkpoint import Metadata
from figment.core.config import to_dict
from figment.core.dataset import Source
from figment.core.model import GenerativeModel


@pytest.fixture(scope="session", autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder for identity, keys and hashes of this installation, so that tests leave the user's alone."""
    home = tmp_path_factory.mktemp("figment-home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FIGMENT_HOME", str(home))
        patch.setenv("FIGMENT_CACHE", str(home / "cache"))
        yield home


@pytest.fixture
def tiny_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder, made the current one, that holds the exported model runs/tiny/model.safetensors."""
    monkeypatch.chdir(tmp_path)
    family = "latent_diffusion"
    config = to_dict(import_module(f"figment.families.{family}").TINY)
    torch.manual_seed(0)
    model: GenerativeModel[Any] = families.build(family, config)
    sources = (Source("noise", "1", "CC0-1.0", 4),)
    families.export(model, tmp_path / "runs/tiny/model.safetensors", Metadata(family, config, sources, "tiny"))
    return tmp_path
