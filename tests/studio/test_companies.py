"""Which requests for a checkpoint are drawn together, and that memory holds one engine."""

import gc
import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.diffusion import made

from figment.core.task import finish
from figment.diffusion.options import Options
from figment.nn.shared_calls import TIMES
from figment.studio import paint
from figment.studio.create import create
from figment.studio.drop_in import What, find
from figment.studio.engines import laid_over, ready, resident
from figment.studio.jobs import kinds
from figment.studio.jobs.places import Places
from figment.studio.request import CreateRequest

ASKED: dict[str, Any] = {"prompt": "a cat", "model": "anything", "seed": 1, "size": "64", "steps": 2}
LORA = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q"


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("shelf")
    made.write(root / "anything.safetensors")
    made.write(root / "other.safetensors", seed=1)
    down, up = torch.randn(4, 32), torch.randn(32, 4)
    save_file({f"{LORA}.lora_down.weight": down, f"{LORA}.lora_up.weight": up}, root / "miku.safetensors")
    whole = load_file(root / "anything.safetensors")
    save_file({key: one for key, one in whole.items() if key.startswith("first_stage")}, root / "fine.safetensors")
    save_file({"emb_params": torch.randn(2, 64)}, root / "mystyle.safetensors")
    return root


@pytest.fixture
def root(tmp_path: Path, shelf: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A studio's folder, with models dropped into it and nothing known of them."""
    monkeypatch.setenv("FIGMENT_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(paint, "_apart", set())
    places = {"anything": "Stable-diffusion", "other": "Stable-diffusion", "miku": "Lora", "fine": "VAE"}
    for name, place in (places | {"mystyle": "embeddings"}).items():
        folder = tmp_path / "models" / place
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.safetensors").hardlink_to(shelf / f"{name}.safetensors")
    lists = tmp_path / "models/wildcards"
    lists.mkdir()
    (lists / "colour.txt").write_text("red\nblue\n")
    return tmp_path


def company(root: Path, options: dict[str, Any] | None = None, *, alone: bool = False, **request: Any) -> str | None:
    values = {"request": ASKED | request, "options": options or {}, "reproducible": alone}
    return kinds.company("create", kinds.prepared("create", values, Places(root)), Places(root))


def test_samplers_steps_guidance_and_sizes_are_each_ones_own(root: Path) -> None:
    plain = company(root)
    assert plain is not None
    assert (
        company(root, {"sampler": "DDIM", "clip_skip": 2, "batch": 2}, steps=9, guidance=1, size="96", count=3) == plain
    )
    assert company(root, {"hires": 1.5}, prompt="a {red|blue} dog, __colour__", count=3) == plain


@pytest.mark.parametrize(
    ("options", "request_"),
    [
        ({"vae": "fine"}, {}),
        ({"tiling": True}, {}),
        ({}, {"model": "other"}),
        ({}, {"prompt": "a cat <lora:miku:0.5>"}),
        ({}, {"prompt": "a cat <lora:miku:0.6>"}),
        ({}, {"prompt": "a cat <lora:miku:0.5:0.6>"}),
        ({}, {"negative": "mystyle"}),
    ],
)
def test_whatever_changes_the_networks_is_a_company_of_its_own(
    root: Path, options: dict[str, Any], request_: dict[str, Any]
) -> None:
    found = company(root, options, **request_)
    assert found not in (None, company(root), company(root, prompt="<lora:miku:0.7>"))
    assert found == company(root, options, **request_, steps=7)


@pytest.mark.parametrize("options", [{"keep_features": 2}, {"eight_bit": True}])
def test_what_one_thread_must_do_is_done_alone(root: Path, options: dict[str, Any]) -> None:
    assert company(root, options) is None
    assert company(root, alone=True) is None


def test_pictures_that_need_different_networks_are_drawn_alone(root: Path) -> None:
    prompt = "a cat {<lora:miku:0.5>|<lora:miku:0.6>}"
    assert company(root, prompt=prompt, count=8) is None
    assert company(root, prompt=prompt, count=1) is not None


def test_eight_bits_are_shared_once_their_ranges_are_known(root: Path) -> None:
    options = Options(eight_bit=True)
    laid = laid_over(find(What.CHECKPOINT, "anything", root), options, (), "a cat ", root)
    ready(laid)
    assert company(root, {"eight_bit": True}) is None
    engine = resident(laid.key)
    assert engine is not None
    engine._ranges = {}
    assert company(root, {"eight_bit": True}) is not None


def test_sizes_that_gain_nothing_are_drawn_alone_from_then_on(root: Path) -> None:
    request = CreateRequest(**ASKED)
    finish(create(request, root=root, together=True))
    assert company(root) is not None
    engine = resident(laid_over(find(What.CHECKPOINT, "anything", root), Options(), (), "a cat ", root).key)
    assert engine is not None
    assert engine.shared is not None
    (knee,) = engine.shared.knees(8, 8)
    for _ in range(TIMES):
        knee.note(2, 1.0)
        knee.note(4, 2.0)
    finish(create(request, root=root, together=True))
    assert company(root) is None
    assert company(root, {"sampler": "DDIM"}, steps=5) is None
    assert company(root, size="96") is not None
    assert company(root, {"hires": 1.5}) is not None
    finish(create(replace(request, model="other"), root=root, together=True))
    assert company(root, model="other") is not None


def test_another_model_takes_the_place_of_the_one_before(root: Path) -> None:
    request = CreateRequest(**ASKED)
    finish(create(request, root=root, together=True))
    before = resident(laid_over(find(What.CHECKPOINT, "anything", root), Options(), (), "a cat ", root).key)
    assert before is not None
    gone = weakref.ref(before)
    del before
    finish(create(replace(request, model="other"), root=root, together=True))
    gc.collect()
    assert gone() is None
