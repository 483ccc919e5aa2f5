"""dlib and its trained models, where somebody has installed them: `pip install dlib-bin face-recognition-models`.

The models are not Figment's to ship: the 68 points were trained on iBUG 300-W, whose terms exclude commercial use.
"""

from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from figment.core.errors import InputError

__all__ = ["module", "points_of"]


@cache
def module() -> Any:
    """dlib. Raises InputError where it is not installed."""
    if find_spec("dlib") is None:
        raise InputError(
            "dlib is not installed; `pip install dlib-bin face-recognition-models`, or choose another model."
        )
    return import_module("dlib")


@cache
def points_of(count: int) -> Any:
    """dlib's predictor of 5 or 68 points. Raises InputError where it is not installed."""
    found = find_spec("face_recognition_models")  # is not imported, since it needs a part of setuptools that is gone
    folders = found.submodule_search_locations if found else None
    if not folders:
        raise InputError(
            "dlib's models are not installed; `pip install face-recognition-models`, or choose another model."
        )
    return module().shape_predictor(str(Path(folders[0]) / "models" / f"shape_predictor_{count}_face_landmarks.dat"))
