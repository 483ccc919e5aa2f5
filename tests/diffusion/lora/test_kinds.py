"""Every kind of layer against the programs that write them, on the same tensors."""

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from tests.diffusion.lora.tiny import random
from torch import Tensor, nn

from figment.diffusion.lora.kinds import layer_of
from figment.diffusion.lora.layer import Damaged, Layer
from figment.diffusion.lora.names import parsed

lycoris = pytest.importorskip("lycoris.modules", reason="needs lycoris-lora, the reference")
functional = pytest.importorskip("lycoris.functional", reason="needs lycoris-lora, the reference")
peft = pytest.importorskip("peft", reason="needs peft, the reference")

ROWS, CHANNELS, RANK = 16, 24, 4
LINEAR, CONVOLUTION, SMALL = "linear", "3x3 convolution", "1x1 convolution"
DORA = {"weight_decompose": True}
CASES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "LoRA": ("locon.LoConModule", LINEAR, {"alpha": 2.0}),
    "LoCon": ("locon.LoConModule", CONVOLUTION, {"alpha": 2.0}),
    "LoCon 1x1": ("locon.LoConModule", SMALL, {"alpha": 3.0}),
    "LoCon, core": ("locon.LoConModule", CONVOLUTION, {"use_tucker": True, "alpha": 2.0}),
    "LoRA, root of the rank": ("locon.LoConModule", LINEAR, {"rs_lora": True, "alpha": 2.0}),
    "DoRA by rows": ("locon.LoConModule", LINEAR, {**DORA, "alpha": 2.0}),
    "DoRA by channels": ("locon.LoConModule", LINEAR, {**DORA, "wd_on_out": False}),
    "DoRA, convolution, by rows": ("locon.LoConModule", CONVOLUTION, DORA),
    "DoRA, convolution, by channels": ("locon.LoConModule", CONVOLUTION, {**DORA, "wd_on_out": False}),
    "LoHa": ("loha.LohaModule", LINEAR, {}),
    "LoHa, convolution": ("loha.LohaModule", CONVOLUTION, {}),
    "LoHa, core": ("loha.LohaModule", CONVOLUTION, {"use_tucker": True}),
    "LoHa, DoRA": ("loha.LohaModule", LINEAR, DORA),
    "LoKr": ("lokr.LokrModule", LINEAR, {"lora_dim": 2, "factor": 2}),
    "LoKr, both of low rank": ("lokr.LokrModule", LINEAR, {"lora_dim": 1, "decompose_both": True, "factor": 4}),
    "LoKr, both whole": ("lokr.LokrModule", LINEAR, {"full_matrix": True, "alpha": 0.5}),
    "LoKr, convolution": ("lokr.LokrModule", CONVOLUTION, {"lora_dim": 2, "factor": 2}),
    "LoKr, convolution, whole": ("lokr.LokrModule", CONVOLUTION, {"full_matrix": True}),
    "LoKr, core": ("lokr.LokrModule", CONVOLUTION, {"use_tucker": True, "lora_dim": 2, "factor": 2}),
    "LoKr, DoRA": ("lokr.LokrModule", LINEAR, {**DORA, "lora_dim": 2, "factor": 2}),
    "OFT": ("diag_oft.DiagOFTModule", LINEAR, {}),
    "OFT, convolution": ("diag_oft.DiagOFTModule", CONVOLUTION, {}),
    "OFT, held back": ("diag_oft.DiagOFTModule", LINEAR, {"constraint": 0.01}),
    "OFT, hardly held back": ("diag_oft.DiagOFTModule", LINEAR, {"constraint": 100.0}),
    "OFT, rescaled": ("diag_oft.DiagOFTModule", CONVOLUTION, {"rescaled": True}),
    "BOFT": ("boft.ButterflyOFTModule", LINEAR, {}),
    "BOFT, convolution": ("boft.ButterflyOFTModule", CONVOLUTION, {}),
    "BOFT, rescaled and held back": ("boft.ButterflyOFTModule", LINEAR, {"rescaled": True, "constraint": 0.02}),
    "GLoRA": ("glora.GLoRAModule", LINEAR, {"alpha": 2.0}),
    "GLoRA, convolution": ("glora.GLoRAModule", CONVOLUTION, {"alpha": 2.0}),
    "IA3 on outputs": ("ia3.IA3Module", LINEAR, {}),
    "IA3 on inputs": ("ia3.IA3Module", LINEAR, {"train_on_input": True}),
}
"""LyCORIS's module, the layer it changes, and its settings; alpha is the rank but where it is said.

It is not said of LoHa and LoKr: `get_merged_weight` of lycoris-lora 4.1.3 scales them twice, though what it trains is
scaled once. Other references than that are asked below.
"""


def original(kind: str) -> nn.Module:
    torch.manual_seed(1)
    if kind == LINEAR:
        return nn.Linear(CHANNELS, ROWS)
    return nn.Conv2d(CHANNELS, ROWS, 3 if kind == CONVOLUTION else 1)


def layer(tensors: Mapping[str, Tensor]) -> Layer:
    found = layer_of(tensors)
    assert found is not None
    return found


def named(state: Mapping[str, Tensor], before: str = "lora_unet_x.") -> dict[str, Tensor]:
    """Tensors of one module by our names for them."""
    names = {key: parsed(before + key) for key in state}
    assert all(names.values()), names
    return {name.tensor: state[key].detach() for key, name in names.items() if name}


def randomised(module: nn.Module) -> None:
    torch.manual_seed(2)
    for name, parameter in module.named_parameters():
        parameter.data.normal_(std=0.3)
        if name in ("dora_scale", "rescale"):
            parameter.data.abs_().add_(0.5)


def assert_same(ours: Tensor, theirs: Tensor) -> None:
    assert ours.dtype == torch.float32
    assert ours.shape == theirs.shape
    assert float((ours - theirs).abs().max()) < 1e-5
    assert float(theirs.abs().max()) > 0.01, "nothing was changed, so nothing is shown"


@pytest.mark.parametrize("case", CASES)
def test_changes_what_lycoris_changes(case: str) -> None:
    path, kind, settings = CASES[case]
    file, name = path.split(".")
    rank = settings.get("lora_dim", RANK)
    base = original(kind)
    made = getattr(getattr(lycoris, file), name)("x", base, **{"lora_dim": rank, "alpha": rank, **settings})
    randomised(made)
    tensors = named(made.state_dict())
    weight = base.get_parameter("weight").detach()
    expected = made.get_merged_weight(1.0, weight.shape)[0].detach() - weight
    found = layer(tensors)
    assert found.fits(weight.shape)
    assert not found.fits((2 * ROWS + 1, 2 * CHANNELS + 1, *weight.shape[2:]))
    assert_same(found.change(weight), expected)


def test_lokr_is_scaled_by_alpha_once() -> None:
    halves = {"lokr_w1": random(4, 3), "lokr_w2_a": random(4, RANK, seed=1), "lokr_w2_b": random(RANK, 8, seed=2)}
    factors = (halves["lokr_w1"], None, None, None, halves["lokr_w2_a"], halves["lokr_w2_b"], None)
    expected = functional.lokr.diff_weight(*factors, gamma=2.0)
    found = layer({**halves, "alpha": torch.tensor(2.0)})
    assert_same(found.change(torch.zeros(ROWS, CHANNELS)), expected)


def test_loha_is_scaled_by_alpha_once() -> None:
    names = ("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b")
    shapes = ((ROWS, RANK), (RANK, CHANNELS), (ROWS, RANK), (RANK, CHANNELS))
    a, b, c, d = (random(*shape, seed=seed) for seed, shape in enumerate(shapes))
    expected = functional.loha.diff_weight(b, a, d, c, None, None, gamma=torch.tensor(0.5))
    found = layer({**dict(zip(names, (a, b, c, d), strict=True)), "alpha": torch.tensor(2.0)})
    assert_same(found.change(torch.zeros(ROWS, CHANNELS)), expected)


def test_early_oft_stores_the_rotations_themselves() -> None:
    blocks = random(4, 4, 4)
    weight = random(ROWS, CHANNELS, seed=1)
    turned = functional.diag_oft.get_r(blocks)
    expected = functional.diag_oft.diff_weight(weight, blocks, None)
    assert_same(layer({"oft_diag": turned}).change(weight), expected)


def test_rotations_keep_lengths_and_angles() -> None:
    weight = random(ROWS, CHANNELS)
    for blocks in (random(4, 4, 4, seed=1), random(3, 4, 4, 4, seed=2)):
        turned = weight + layer({"oft_blocks": blocks}).change(weight)
        assert float((turned.T @ turned - weight.T @ weight).abs().max()) < 1e-4
        assert float((turned - weight).abs().max()) > 0.1


def test_early_glora_has_its_halves_changed_about() -> None:
    a1, a2 = random(CHANNELS, RANK), random(RANK, CHANNELS, seed=1)
    b1, b2 = random(ROWS, RANK, seed=2), random(RANK, CHANNELS, seed=3)
    weight = random(ROWS, CHANNELS, seed=4)
    expected = weight @ a1 @ a2 + b1 @ b2
    assert_same(layer({"a1": a1, "a2": a2, "b1": b1, "b2": b2}).change(weight), expected)
    assert_same(layer({"a1": a2, "a2": a1, "b1": b2, "b2": b1}).change(weight), expected)


def test_differences_and_norms_are_added() -> None:
    whole = layer({"diff": random(ROWS, CHANNELS), "diff_b": random(ROWS, seed=1)})
    assert torch.equal(whole.change(torch.zeros(ROWS, CHANNELS)), random(ROWS, CHANNELS))
    norm = layer({"w_norm": random(ROWS), "b_norm": random(ROWS, seed=1)})
    assert torch.equal(norm.change(torch.ones(ROWS)), random(ROWS))
    for found in (whole, norm):
        bias = found.bias_change()
        assert bias is not None
        assert torch.equal(bias, random(ROWS, seed=1))
    only = layer({"diff_b": random(ROWS)})
    assert not only.change(torch.ones(ROWS, CHANNELS)).any()


def test_ia3_of_a_convolution_scales_channels() -> None:
    weight, shares = random(ROWS, CHANNELS, 3, 3), random(1, CHANNELS, 1, 1, seed=1)
    found = layer({"weight": shares, "on_input": torch.tensor(1)})
    assert found.fits(weight.shape)
    assert_same(found.change(weight), weight * shares)


def test_without_alpha_nothing_is_scaled() -> None:
    up, down = random(ROWS, RANK), random(RANK, CHANNELS, seed=1)
    assert_same(layer({"up": up, "down": down}).change(torch.zeros(ROWS, CHANNELS)), up @ down)


def test_a_linear_layers_change_fits_a_1x1_convolution() -> None:
    found = layer({"up": random(ROWS, RANK), "down": random(RANK, CHANNELS, seed=1)})
    assert found.fits((ROWS, CHANNELS, 1, 1))
    assert found.change(torch.zeros(ROWS, CHANNELS, 1, 1)).shape == (ROWS, CHANNELS, 1, 1)


PEFT: dict[str, tuple[str, str, dict[str, Any]]] = {
    "LoRA": ("LoraConfig", LINEAR, {"lora_alpha": 2}),
    "LoRA, convolution": ("LoraConfig", CONVOLUTION, {"lora_alpha": 2}),
    "DoRA": ("LoraConfig", LINEAR, {"lora_alpha": 2, "use_dora": True}),
    "DoRA, convolution": ("LoraConfig", CONVOLUTION, {"lora_alpha": 2, "use_dora": True}),
    "LoHa": ("LoHaConfig", LINEAR, {"alpha": 2}),
    "LoHa, core": ("LoHaConfig", CONVOLUTION, {"alpha": 2, "use_effective_conv2d": True}),
    "LoKr": ("LoKrConfig", LINEAR, {"alpha": 2, "decompose_factor": 2}),
    "LoKr, core": ("LoKrConfig", CONVOLUTION, {"alpha": 2, "use_effective_conv2d": True, "decompose_factor": 2}),
}


@pytest.mark.parametrize("case", PEFT)
def test_changes_what_peft_changes(case: str) -> None:
    config, kind, settings = PEFT[case]
    base = original(kind)
    weight = base.get_parameter("weight").detach().clone()
    model = peft.get_peft_model(
        nn.ModuleDict({"conv_in": base}), getattr(peft, config)(r=RANK, target_modules=["conv_in"], **settings)
    )
    randomised_adapters(model)
    state = peft.get_peft_model_state_dict(model)
    before = "base_model.model.conv_in."
    tensors = {"alpha": torch.tensor(2.0), **named({key.removeprefix(before): state[key] for key in state}, before)}
    if "dora_scale" in tensors:
        tensors["dora_scale"] = tensors["dora_scale"].flatten()
    merged = model.merge_and_unload()["conv_in"].weight.detach()
    assert_same(layer(tensors).change(weight), merged - weight)


def randomised_adapters(model: nn.Module) -> None:
    torch.manual_seed(3)
    for name, parameter in model.named_parameters():
        if "base_layer" not in name:
            parameter.data.normal_(std=0.3)
            if "magnitude" in name:
                parameter.data.abs_().add_(0.5)


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        ({"up": random(6, 4), "down": random(3, 5)}, "rank 4 on one side and 3 on the other"),
        ({"up": random(6, 4)}, "has no 'down'"),
        ({"up": random(6), "down": random(3, 5)}, "'up' of 1 dimensions"),
        ({"up": random(6, 4), "down": random(4, 5), "mid": random(4, 3, 3, 3)}, "ranks 4 and 4 around a core"),
        ({"up": random(6, 4), "down": random(4, 5), "alpha": random(2)}, "2 numbers where one belongs"),
        ({"hada_w1_a": random(6, 4), "hada_w1_b": random(4, 5)}, "has no 'hada_w2_a'"),
        (
            {
                "hada_w1_a": random(6, 4),
                "hada_w1_b": random(4, 5),
                "hada_w2_a": random(6, 4),
                "hada_w2_b": random(4, 3),
            },
            "a product of 6 x 5 and 6 x 3",
        ),
        ({"lokr_w1": random(2, 2), "lokr_w2_a": random(6, 4), "lokr_w2_b": random(3, 5)}, "rank 4 on one side"),
        ({"diff": random(6, 5), "diff_b": random(5)}, "a bias of 5 beside 6 rows"),
        ({"oft_blocks": random(4, 4, 3)}, "which are no rotations"),
        ({"oft_blocks": random(3, 4, 3, 3)}, "which they do not fill"),
        ({"oft_blocks": random(4, 4, 4), "rescale": random(8, 1)}, "rescales 8 rows and turns 16"),
        ({"a1": random(8, 2), "a2": random(2, 8), "b1": random(6, 2), "b2": random(2, 9)}, "of different widths"),
    ],
)
def test_says_what_is_damaged(tensors: dict[str, Tensor], words: str) -> None:
    with pytest.raises(Damaged, match=words):
        layer_of(tensors)


def test_other_tensors_are_no_layer() -> None:
    assert layer_of({"weight": random(3, 3)}) is None
    assert layer_of({"alpha": torch.tensor(1.0)}) is None
    assert layer_of({"on_input": torch.tensor(1)}) is None
