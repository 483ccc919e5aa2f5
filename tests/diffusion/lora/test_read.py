"""LoRA files as trainers write them, and as disks and downloads break them."""

import json
import math
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from tests.diffusion.lora.tiny import random, text, unet
from torch import Tensor

from figment.core.errors import CheckpointError
from figment.diffusion.kinds import Base
from figment.diffusion.lora import check, merged, read

QUERY = "down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q"
QUERY_WEIGHT = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q.weight"
UP, DOWN = random(16, 4), random(4, 16, seed=1)
SHARED = Path(__file__).resolve().parents[4] / "shared/lora"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="needs the files of shared/lora beside the repository")


def written(path: Path, tensors: Mapping[str, Tensor], metadata: dict[str, str] | None = None) -> Path:
    path.parent.mkdir(exist_ok=True)
    save_file({name: tensor.clone() for name, tensor in tensors.items()}, path, metadata)
    return path


def kohya(context: int = 24) -> dict[str, Tensor]:
    """Of a UNet whose text is `context` wide."""
    listening = QUERY.replace("attn1_to_q", "attn2_to_k")
    return {
        f"lora_unet_{QUERY}.lora_up.weight": UP,
        f"lora_unet_{QUERY}.lora_down.weight": DOWN,
        f"lora_unet_{QUERY}.alpha": torch.tensor(2.0),
        f"lora_unet_{listening}.lora_up.weight": UP,
        f"lora_unet_{listening}.lora_down.weight": random(4, context),
    }


def change(path: Path) -> Tensor:
    """What the file at `path` adds to one weight."""
    weights = unet()
    new = merged(weights, "unet", [(read(path), 1.0)])[QUERY_WEIGHT]
    return new - weights[QUERY_WEIGHT].float()


def test_reads_a_kohya_file(tmp_path: Path) -> None:
    found = read(written(tmp_path / "miku.safetensors", kohya(), {"ss_network_dim": "4"}))
    assert (found.name, found.metadata, found.unknown) == ("miku", {"ss_network_dim": "4"}, ())
    assert set(found.layers) == {("unet", QUERY), ("unet", QUERY.replace("attn1_to_q", "attn2_to_k"))}
    assert torch.allclose(change(found.path), UP @ DOWN / 2, atol=1e-6)


@pytest.mark.parametrize(
    ("up", "down"),
    [
        ("lora_unet_input_blocks_1_1_transformer_blocks_0_attn1_to_q.lora_{}.weight", ("up", "down")),
        ("base_model.model.unet.DOTTED.lora_{}.weight", ("B", "A")),
        ("unet.DOTTED.lora_{}.weight", ("B", "A")),
        ("unet.DOTTED.lora.{}.weight", ("up", "down")),
        ("DOTTED_lora.{}.weight", ("up", "down")),
    ],
)
def test_reads_one_layer_in_every_spelling(tmp_path: Path, up: str, down: tuple[str, str]) -> None:
    spelling = up.replace("DOTTED", QUERY_WEIGHT.removesuffix(".weight"))
    tensors = {spelling.format(down[0]): UP, spelling.format(down[1]): DOWN}
    assert torch.allclose(change(written(tmp_path / "a.safetensors", tensors)), UP @ DOWN, atol=1e-6)


def test_reads_a_pickled_file(tmp_path: Path) -> None:
    torch.save(kohya(), tmp_path / "old.pt")
    assert torch.allclose(change(tmp_path / "old.pt"), UP @ DOWN / 2, atol=1e-6)


def peft_file(path: Path, settings: Mapping[str, object]) -> Path:
    name = f"unet.{QUERY_WEIGHT.removesuffix('.weight')}"
    header = {"lora_adapter_metadata": json.dumps(settings)}
    return written(path, {f"{name}.lora_A.weight": DOWN, f"{name}.lora_B.weight": UP}, header)


@pytest.mark.parametrize(
    ("settings", "factor"),
    [
        ({}, 1.0),
        ({"text_encoder.lora_alpha": 8}, 1.0),
        ({"unet.lora_alpha": 8}, 2.0),
        ({"unet.lora_alpha": 8, "unet.use_rslora": True}, 8 / math.sqrt(4)),
        ({"unet.lora_alpha": 8, "unet.alpha_pattern": {"attn1.to_q": 2}}, 0.5),
        ({"unet.lora_alpha": 8, "unet.alpha_pattern": {"attn1.to_k": 2}}, 2.0),
    ],
)
def test_scales_as_pefts_settings_say(tmp_path: Path, settings: Mapping[str, object], factor: float) -> None:
    path = peft_file(tmp_path / "a.safetensors", settings)
    assert torch.allclose(change(path), UP @ DOWN * factor, atol=1e-5)


def test_reads_the_settings_beside_an_adapter(tmp_path: Path) -> None:
    name = QUERY_WEIGHT.removesuffix(".weight")
    tensors = {f"base_model.model.{name}.lora_A.weight": DOWN, f"base_model.model.{name}.lora_B.weight": UP}
    path = written(tmp_path / "adapter_model.safetensors", tensors)
    (tmp_path / "adapter_config.json").write_text('{"lora_alpha": 8, "alpha_pattern": {}}')
    assert torch.allclose(change(path), UP @ DOWN * 2, atol=1e-5)
    (tmp_path / "adapter_config.json").write_text('{"lora_alpha": [8]}')
    with pytest.raises(CheckpointError, match="make no sense"):
        read(path)
    (tmp_path / "adapter_config.json").write_text("{")
    with pytest.raises(CheckpointError, match="no JSON"):
        read(path)


def test_reads_words_that_come_along(tmp_path: Path) -> None:
    words = {
        "bundle_emb.miku-face.string_to_param.*": random(3, 24),
        "bundle_emb.both.clip_l": random(2, 24),
        "bundle_emb.both.clip_g": random(2, 32),
    }
    found = read(written(tmp_path / "a.safetensors", {**kohya(), **words}))
    both, face = sorted(found.embeddings, key=lambda word: word.name)
    assert (face.name, both.name) == ("miku-face", "both")
    assert torch.equal(face.vectors["text"], random(3, 24))
    assert {part: vectors.shape for part, vectors in both.vectors.items()} == {"text": (2, 24), "text_2": (2, 32)}


def test_lists_what_it_does_not_know(tmp_path: Path) -> None:
    strange = {"lora_unet_conv_in.new_idea": UP, "lora_unet_conv_in.alpha": torch.tensor(1.0)}
    found = read(written(tmp_path / "a.safetensors", {**kohya(), **strange}))
    assert set(found.unknown) == {"lora_unet_conv_in.new_idea", "conv_in.alpha"}


@pytest.mark.parametrize(
    ("context", "base"), [(768, Base.SD1), (1024, Base.SD2), (2048, Base.SDXL), (1280, Base.SDXL_REFINER), (24, None)]
)
def test_tells_the_model_by_the_width_of_its_text(tmp_path: Path, context: int, base: Base | None) -> None:
    assert read(written(tmp_path / "a.safetensors", kohya(context))).base is base


@pytest.mark.parametrize(
    ("module", "shape", "base"),
    [
        ("lora_unet_input_blocks_4_1_transformer_blocks_1_attn1_to_q", (640, 640), Base.SDXL),
        ("lora_unet_input_blocks_4_1_transformer_blocks_1_attn1_to_q", (768, 768), Base.SDXL_REFINER),
        ("lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q", (640, 640), None),
        ("lora_te2_text_model_encoder_layers_0_self_attn_q_proj", (1280, 1280), Base.SDXL),
        ("lora_te_text_model_encoder_layers_0_self_attn_q_proj", (1024, 1024), Base.SD2),
        ("lora_te_text_model_encoder_layers_0_self_attn_q_proj", (768, 768), None),
    ],
)
def test_tells_the_model_by_what_else_there_is(
    tmp_path: Path, module: str, shape: tuple[int, int], base: Base | None
) -> None:
    tensors = {f"{module}.lora_up.weight": random(shape[0], 1), f"{module}.lora_down.weight": random(1, shape[1])}
    assert read(written(tmp_path / "a.safetensors", tensors)).base is base


def test_refuses_damaged_files(tmp_path: Path) -> None:
    good = written(tmp_path / "good.safetensors", kohya())
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(good.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match="cut off"):
        read(broken)
    name = f"lora_unet_{QUERY}.lora_up.weight"
    written(broken, {**kohya(), name: UP.where(UP < 0.3, torch.nan)})
    with pytest.raises(CheckpointError, match=r"attn1_to_q.lora_up.weight holds numbers that are not finite"):
        read(broken)
    written(broken, {**kohya(), name: random(16, 3)})
    with pytest.raises(CheckpointError, match=r"its layer \w+attn1_to_q has rank 3 on one side and 4 on the other"):
        read(broken)
    with pytest.raises(CheckpointError, match="There is no model file"):
        read(tmp_path / "none.safetensors")


def test_refuses_a_whole_model(tmp_path: Path) -> None:
    path = written(tmp_path / "a.safetensors", {"model.diffusion_model.input_blocks.0.0.weight": random(3, 3)})
    with pytest.raises(CheckpointError, match="holds no LoRA"):
        read(path)


def numbered(shapes: list[tuple[int, ...]], part: str) -> dict[str, Tensor]:
    tensors = {}
    for number, (rows, columns) in enumerate(shapes):
        tensors[f"{part}:{number}:up"] = random(rows, 1, seed=2 * number)
        tensors[f"{part}:{number}:down"] = random(1, columns, seed=2 * number + 1)
    return tensors


def test_reads_numbers_instead_of_names(tmp_path: Path) -> None:
    """The order is that in which the first LoRA trainer met the layers: down, up, middle."""
    weights, encoder = unet(), text()
    blocks = [
        *("down_blocks.0.attentions.0", "down_blocks.0.attentions.1"),
        *("up_blocks.1.attentions.0", "up_blocks.1.attentions.1", "up_blocks.1.attentions.2"),
        "mid_block.attentions.0",
    ]
    attentions = [[f"attn{which}.{name}" for name in ("to_q", "to_k", "to_v", "to_out.0")] for which in (1, 2)]
    for kinds, inside in (
        ('["CrossAttention", "Attention", "GEGLU"]', [*attentions[0], "ff.net.0.proj", *attentions[1]]),
        ('["CrossAttention"]', [*attentions[0], *attentions[1]]),
    ):
        order = [f"{block}.transformer_blocks.0.{layer}.weight" for block in blocks for layer in inside]
        tensors = numbered([tuple(weights[name].shape) for name in order], "unet")
        path = written(tmp_path / "a.safetensors", tensors, {"unet": kinds})
        found = read(path)
        assert check(found, {"unet": weights}) == ()
        new = merged(weights, "unet", [(found, 1.0)])
        for number, name in enumerate(order):
            expected = tensors[f"unet:{number}:up"] @ tensors[f"unet:{number}:down"]
            assert torch.allclose(new[name] - weights[name].float(), expected, atol=1e-6)
    with pytest.raises(CheckpointError, match="whose order is not known"):
        read(written(tmp_path / "a.safetensors", tensors, {"unet": '["ResnetBlock2D"]'}))
    order = [f"encoder.layers.{n}.self_attn.{name}_proj.weight" for n in range(2) for name in ("k", "v", "q", "out")]
    tensors = numbered([tuple(encoder[name].shape) for name in order], "text_encoder")
    new = merged(encoder, "text", [(read(written(tmp_path / "b.safetensors", tensors)), 1.0)])
    for number, name in enumerate(order):
        expected = tensors[f"text_encoder:{number}:up"] @ tensors[f"text_encoder:{number}:down"]
        assert torch.allclose(new[name] - encoder[name].float(), expected, atol=1e-6)


@needs_shared
def test_reads_the_first_loras_of_others() -> None:
    plain, worded = read(SHARED / "analog_svd_rank4.safetensors"), read(SHARED / "lora_disney.safetensors")
    for found in (plain, worded):
        assert found.base is Base.SD1
        assert len(found.layers) == 144 + 48
        assert found.unknown == ()
    assert [word.name for word in worded.embeddings] == ["<s1>", "<s2>"]
    assert all(word.vectors["text"].shape == (1, 768) for word in worded.embeddings)
    with pytest.raises(CheckpointError, match=r"was made for SD1\.x; this checkpoint is SDXL"):
        check(plain, {}, Base.SDXL)


@needs_shared
def test_the_first_loras_fit_a_whole_sd15() -> None:
    """Every number meets a layer of its shape; the order could not be another, as widths change along the way."""
    from diffusers import UNet2DConditionModel

    with torch.device("meta"):
        state = UNet2DConditionModel(cross_attention_dim=768).state_dict()
    for name in ("analog_svd_rank4", "lora_disney"):
        assert all(name.startswith("text") for name in check(read(SHARED / f"{name}.safetensors"), {"unet": state}))
