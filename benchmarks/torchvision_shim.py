"""What lets peers import torchvision beside torch's CPU build, whose wheels lack two of its operators."""

import torch

__all__ = ["define_operators"]


def define_operators() -> None:
    """Declare the operators, which nothing here calls. To be called once, before torchvision is imported."""
    for name in ("nms", "qnms"):
        torch.library.define(f"torchvision::{name}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
