"""Two processes side by side train what one would."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import torch

from figment import families
from figment.data.datasets import open_dataset
from figment.training.recipe import read_recipe

SCRIPT = Path(__file__).with_name("share_training.py")
RECIPE = """
name = "shared"
family = "latent_diffusion"
precision = "fp32"

[model]
image_size = 32
feature_width = 8
feature_classes = 16
autoencoder = {width = 8, blocks = 1, channels = 1}
text = {width = 32, depth = 1, heads = 2}
transformer = {width = 32, depth = 1, heads = 2}

[[stages]]
name = "autoencoder"
data = "digits"
steps = 2
batch = 4
warmup = 1
"""


def launch(folder: Path) -> None:
    """Run the script twice, as `torchrun --nproc-per-node 2` would."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    shared = {**os.environ, "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    processes = [
        subprocess.Popen([sys.executable, str(SCRIPT), str(folder)], env={**shared, "RANK": str(rank)})
        for rank in range(2)
    ]
    assert [process.wait() for process in processes] == [0, 0]


def test_two_processes_equal_one_with_the_double_batch(tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text(RECIPE)
    launch(tmp_path)

    recipe = read_recipe(tmp_path / "recipe.toml")
    torch.manual_seed(0)
    model = families.build(recipe.family, recipe.model)
    batch = open_dataset("digits", 32).batch(0, 4)
    next(iter(model.losses(batch, "features"))).value.backward()  # type: ignore[no-untyped-call]
    alone = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    shared = [torch.load(tmp_path / f"gradients-{rank}.pt", weights_only=True) for rank in range(2)]
    assert shared[0].keys() == shared[1].keys() == alone.keys()
    for name, gradient in alone.items():
        assert torch.equal(shared[0][name], shared[1][name])
        torch.testing.assert_close(shared[0][name], gradient, rtol=1e-5, atol=1e-6)

    trained, metadata = families.open_model(tmp_path / "run/model.safetensors")
    assert metadata.steps == {"autoencoder": 2}
    assert all(parameter.isfinite().all() for parameter in trained.parameters())
