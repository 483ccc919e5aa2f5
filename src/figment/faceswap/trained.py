"""The network that the training of a workspace came to."""

from pathlib import Path

from figment.core.errors import InputError
from figment.faceswap.model import SwapModel
from figment.faceswap.workspace import Step, Workspace

__all__ = ["network_file", "trained"]


def trained(workspace: Workspace) -> SwapModel:
    """The network of `workspace`, as it was saved last. Raises InputError where there is none yet, CheckpointError."""
    return SwapModel.load(network_file(workspace))


def network_file(workspace: Workspace) -> Path:
    """Where it is. Raises InputError where there is none yet."""
    preset = workspace.state(Step.TRAIN).settings.get("preset", "")
    path = workspace.model / f"{preset}.safetensors"
    if not preset or not path.is_file():
        raise InputError(f"No network is trained in {workspace.root} yet; `figment swap train` does so.")
    return path
