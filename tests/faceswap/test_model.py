"""The network that swaps, its file, and Quick96's weights in it."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from figment.core.errors import CheckpointError
from figment.faceswap.faces import FaceType
from figment.faceswap.model import Shape, SwapModel, SwapNetwork
from figment.faceswap.quick96_weights import converted, open_quick96

SMALL = Shape(size=32, encoder=4, inner=8, decoder=4, mask=2)


def made(seed: int = 0) -> SwapModel:
    torch.manual_seed(seed)
    return SwapModel(SwapNetwork(SMALL), FaceType.WHOLE)


def faces(count: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (count, 32, 32, 3), np.uint8)


def test_quick96_has_its_38_29_million_parameters() -> None:
    with torch.device("meta"):
        network = SwapNetwork(Shape())
    count = {name: sum(p.numel() for p in part.parameters()) / 1e6 for name, part in network.named_children()}
    assert count == pytest.approx(
        {"encoder": 4.31, "inter": 3.10, "decoder_src": 15.44, "decoder_dst": 15.44}, abs=0.005
    )
    assert sum(count.values()) == pytest.approx(38.29, abs=0.005)


def test_a_face_is_drawn_by_the_decoder_of_the_other() -> None:
    model, shown = made(), faces(17)
    rgb, predicted, target = model.swap(shown)
    assert rgb.shape == (17, 32, 32, 3)
    assert predicted.shape == target.shape == (17, 32, 32)
    pixels = torch.from_numpy(shown).permute(0, 3, 1, 2).float() / 255
    with torch.no_grad():
        as_src, as_dst = model.network(pixels, "src"), model.network(pixels, "dst")
    assert np.allclose(rgb, as_src[0].permute(0, 2, 3, 1), atol=1e-5)
    assert np.allclose(predicted, as_src[1][:, 0], atol=1e-5)
    assert np.allclose(target, as_dst[1][:, 0], atol=1e-5)
    assert not np.allclose(predicted, target, atol=1e-3)


def test_no_faces_are_no_faces() -> None:
    assert [part.shape for part in made().swap(faces(0))] == [(0, 32, 32, 3), (0, 32, 32), (0, 32, 32)]


def test_a_saved_model_draws_the_same(tmp_path: Path) -> None:
    model = made()
    model.save(tmp_path / "model.safetensors", 7, {"ssim": 0.5})
    again = SwapModel.load(tmp_path / "model.safetensors")
    assert again.face_type is FaceType.WHOLE
    assert again.digest == model.digest != made(1).digest
    assert np.array_equal(again.swap(faces(2))[0], model.swap(faces(2))[0])
    assert again.swapper().size == 32


def test_a_model_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    made().save(path, 0, {})
    path.write_bytes(path.read_bytes().replace(b'faceswap\\"', b'facepaws\\"'))
    with pytest.raises(CheckpointError, match="facepaws"):
        SwapModel.load(path)


Layers = dict[str, tuple[int, ...]]


def their_names() -> dict[str, Layers]:
    """What Quick96's files hold, by its published layers."""
    upscale: Layers = {f"upscale{i}/conv1": (3, 3, *c) for i, c in enumerate([(128, 2048), (512, 1024), (256, 512)])}
    residual: Layers = {f"res{i}/conv{k}": (3, 3, c, c) for i, c in enumerate((512, 256, 128)) for k in (1, 2)}
    mask: Layers = {
        f"upscalem{i}/conv1": (3, 3, *c) for i, c in enumerate([(128, 512), (128, 256), (64, 128), (32, 64)])
    }
    out: Layers = {"out_conv": (1, 1, 128, 3), **{f"out_conv{i}": (3, 3, 128, 3) for i in (1, 2, 3)}}
    decoder: Layers = {**upscale, **residual, **mask, **out, "out_convm": (1, 1, 16, 1)}
    widths = (3, 64, 128, 256, 512)
    encoder: Layers = {f"down1/downs_{i}/conv1": (5, 5, widths[i], widths[i + 1]) for i in range(4)}
    inter: Layers = {"dense1": (18432, 128), "dense2": (128, 1152), "upscale1/conv1": (3, 3, 128, 512)}
    return {"encoder": encoder, "inter": inter, "decoder_src": decoder, "decoder_dst": decoder}


def test_every_weight_of_quick96_has_its_place(tmp_path: Path) -> None:
    """Each array is one number all over, so that it can be found again."""
    for part, layers in their_names().items():
        arrays = {}
        for number, (layer, shape) in enumerate(layers.items()):
            arrays[f"{layer}/weight:0"] = np.full(shape, number + 1, np.float32)
            arrays[f"{layer}/bias:0"] = np.full(shape[-1], -number - 1, np.float32)
        (tmp_path / f"me_Quick96_{part}.npy").write_bytes(pickle.dumps(arrays, 4))
    tensors = open_quick96(tmp_path).network.state_dict()
    assert (tensors["encoder.downs.3.weight"] == 4).all()
    assert (tensors["inter.dense2.bias"] == -2).all()
    assert (tensors["decoder_dst.residuals.2.conv2.weight"] == 9).all()
    assert (tensors["decoder_src.pixels.0.weight"] == 14).all()
    assert (tensors["decoder_src.mask_out.bias"] == -18).all()
    (tmp_path / "me_Quick96_inter.npy").unlink()
    with pytest.raises(CheckpointError, match="inter"):
        open_quick96(tmp_path)


def test_channels_become_pixels_as_in_quick96() -> None:
    """TensorFlow's depth_to_space, written out: pixel (y, x) of a square comes from channel (2 y + x) C + c."""
    rng = np.random.default_rng(0)
    network = SwapNetwork(SMALL)
    wanted = {n: t for n, t in network.state_dict().items() if n.startswith(("inter.upscale1", "encoder.downs.0"))}
    kernel = rng.normal(size=(3, 3, 8, 32)).astype(np.float32)
    bias = rng.normal(size=32).astype(np.float32)
    first = rng.normal(size=(5, 5, 3, 4)).astype(np.float32)
    inter = {"upscale1/conv1/weight:0": kernel, "upscale1/conv1/bias:0": bias}
    encoder = {"down1/downs_0/conv1/weight:0": first, "down1/downs_0/conv1/bias:0": bias[:4]}
    found = converted({"inter": inter, "encoder": encoder}, wanted)
    network.load_state_dict(found, strict=False)
    x = torch.randn(1, 8, 1, 1, generator=torch.Generator().manual_seed(0))
    plain = np.einsum("i,io->o", x.numpy().ravel(), kernel[1, 1]) + bias
    plain = np.where(plain > 0, plain, 0.1 * plain).reshape(2, 2, 8)
    with torch.no_grad():
        drawn = network.inter.upscale1(x)[0].permute(1, 2, 0)
    assert np.allclose(drawn, plain, atol=1e-5)
    # Red comes first here and last there.
    assert np.array_equal(found["encoder.downs.0.weight"][1, 0], torch.from_numpy(first[:, :, 2, 1]))
