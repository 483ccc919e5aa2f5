"""Textual inversions in every file that people have."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from figment.core.errors import CheckpointError
from figment.diffusion.embeddings import Embedding, check, read
from figment.diffusion.kinds import Base, Kind

VECTORS = torch.arange(36.0).view(3, 12) / 7
SHARED = Path(__file__).resolve().parents[3] / "shared/lora/test_embedding.safetensors"


def kind(base: Base, **widths: int) -> Kind:
    configs: dict[Any, Mapping[str, Any]] = {part: {"hidden_size": width} for part, width in widths.items()}
    return Kind(base, False, "noise", {"unet": {}, **configs})


SD1, SD2 = kind(Base.SD1, text=768), kind(Base.SD2, text=1024)
SDXL, REFINER = kind(Base.SDXL, text=768, text_2=1280), kind(Base.SDXL_REFINER, text_2=1280)


def embedding(**widths: int) -> Embedding:
    vectors: dict[Any, torch.Tensor] = {part: torch.ones(2, width) for part, width in widths.items()}
    return Embedding("bad-hands", vectors)


def automatic1111(vectors: torch.Tensor) -> dict[str, Any]:
    return {
        "string_to_token": {"*": 265},
        "string_to_param": {"*": vectors},
        "name": "other",
        "step": 500,
        "sd_checkpoint": "81761151",
        "sd_checkpoint_name": "model",
    }


def test_reads_what_automatic1111_saves(tmp_path: Path) -> None:
    torch.save(automatic1111(VECTORS), tmp_path / "bad-hands.pt")
    found = read(tmp_path / "bad-hands.pt")
    assert found.name == "bad-hands"
    assert set(found.vectors) == {"text"}
    assert torch.equal(found.vectors["text"], VECTORS)


def test_reads_one_vector_of_a_diffusers_file(tmp_path: Path) -> None:
    torch.save({"<cat-toy>": VECTORS[0]}, tmp_path / "learned_embeds.bin")
    assert torch.equal(read(tmp_path / "learned_embeds.bin").vectors["text"], VECTORS[:1])


def test_reads_safetensors(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    save_file({"emb_params": VECTORS.half()}, path)
    assert torch.equal(read(path).vectors["text"], VECTORS.half().float())
    save_file({"clip_l": VECTORS, "clip_g": torch.ones(3, 20)}, path)
    found = read(path)
    assert torch.equal(found.vectors["text"], VECTORS)
    assert torch.equal(found.vectors["text_2"], torch.ones(3, 20))
    save_file({"emb_params": torch.ones(1, 1280)}, path)
    assert set(read(path).vectors) == {"text_2"}


@pytest.mark.skipif(not SHARED.is_file(), reason="needs the files of shared/lora beside the repository")
def test_reads_a_file_of_others() -> None:
    found = read(SHARED)
    assert found.vectors["text"].shape == (5, 768)
    assert found.base is Base.SD1
    check(found, SD1)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"a": VECTORS, "b": VECTORS + 1}, "holds 2 tensors; an embedding is one"),
        ({"emb_params": torch.ones(2, 3, 4)}, r"holds a tensor of 2 x 3 x 4"),
        ({"emb_params": torch.ones(0, 3)}, r"holds a tensor of 0 x 3"),
        ({"emb_params": torch.ones(2, 3) * torch.nan}, "emb_params holds numbers that are not finite"),
    ],
)
def test_refuses_what_is_no_embedding(tmp_path: Path, content: dict[str, torch.Tensor], words: str) -> None:
    save_file(content, tmp_path / "a.safetensors")
    with pytest.raises(CheckpointError, match=words):
        read(tmp_path / "a.safetensors")


def test_refuses_pickles_that_run_code(tmp_path: Path) -> None:
    torch.save({"string_to_param": {"*": VECTORS}, "evil": Path}, tmp_path / "a.pt")
    with pytest.raises(CheckpointError, match="would run code"):
        read(tmp_path / "a.pt")


@pytest.mark.parametrize(
    ("widths", "fitting"),
    [
        ({"text": 768}, SD1),
        ({"text": 1024}, SD2),
        ({"text": 768, "text_2": 1280}, SDXL),
        ({"text_2": 1280}, REFINER),
    ],
)
def test_fits_the_model_it_was_made_for_alone(widths: dict[str, int], fitting: Kind) -> None:
    found = embedding(**widths)
    assert found.base is fitting.base
    check(found, fitting)
    for other in (SD1, SD2, SDXL, REFINER):
        if other is not fitting:
            with pytest.raises(CheckpointError) as refusal:
                check(found, other)
            assert str(refusal.value) == (
                f"The embedding 'bad-hands' was made for {fitting.base}; this checkpoint is {other.base}."
            )


def test_says_which_width_is_wrong() -> None:
    with pytest.raises(CheckpointError, match="has vectors of width 12; this checkpoint takes 768 and 1280"):
        check(embedding(text=12), SDXL)
