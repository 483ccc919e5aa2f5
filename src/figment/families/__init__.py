"""Model families: every module here is one, exports `Config`, `TINY` and `Model`, and is called by its file name.

What is said of it at its top is there in Korean in `korean/NAME.txt`, under the `digest` of the English text.
"""

import ast
import dataclasses
import hashlib
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, Literal

from figment.core.checkpoint import Metadata, load, save
from figment.core.config import from_dict, schema, to_dict
from figment.core.errors import CheckpointError, InputError
from figment.core.model import GenerativeModel
from figment.nn.shared_calls import Shares

__all__ = [
    "about",
    "build",
    "describe",
    "digest",
    "export",
    "fields",
    "names",
    "open_model",
    "preset",
    "presets",
    "settings",
    "shared_by_threads",
    "stages",
]


def names() -> tuple[str, ...]:
    """Names of all families."""
    return tuple(sorted(module.name for module in iter_modules(__path__)))


def about(family: str, language: Literal["en", "ko"] = "en") -> str:
    """What `family` is, its loss, its known weakness and the papers: the text at the top of its file, which is not run.

    In Korean where that was written for the English text as it is now. Raises InputError for an unknown family.
    """
    _check_name(family)
    spec = find_spec(f"{__name__}.{family}")
    assert spec is not None
    assert spec.origin is not None
    english = ast.get_docstring(ast.parse(Path(spec.origin).read_text(encoding="utf-8"))) or ""
    if language == "en":
        return english
    path = Path(__file__).parent / "korean" / f"{family}.txt"
    written_for, _, korean = path.read_text(encoding="utf-8").partition("\n") if path.is_file() else ("", "", "")
    return korean.strip() if written_for == digest(english) else english


def digest(text: str) -> str:
    """By which a Korean text says of which English one it is."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def build(family: str, config: dict[str, Any]) -> GenerativeModel[Any]:
    """A fresh model of `family`. Raises InputError for an unknown family or a bad configuration."""
    _check_name(family)
    module = import_module(f"{__name__}.{family}")
    model: GenerativeModel[Any] = module.Model(from_dict(module.Config, config))
    return model


def stages(family: str) -> tuple[str, ...]:
    """Names of the training stages of a known `family`, in order."""
    found: tuple[str, ...] = import_module(f"{__name__}.{family}").Model.stages
    return found


def shared_by_threads(family: str) -> bool:
    """Whether several threads can sample at once from a model of `family`. Raises InputError for an unknown one."""
    _check_name(family)
    return issubclass(import_module(f"{__name__}.{family}").Model, Shares)


def fields(family: str) -> frozenset[str]:
    """Names of the fields of a known family's Config."""
    return frozenset(entry.name for entry in dataclasses.fields(import_module(f"{__name__}.{family}").Config))


def settings(family: str) -> Mapping[str, tuple[Any, str]]:
    """Default and meaning of each field of a known family's Config, by its name."""
    configuration = import_module(f"{__name__}.{family}").Config
    told, plain = schema(configuration)["properties"], to_dict(configuration())
    return {name: (value, told[name].get("description", "")) for name, value in plain.items()}


def presets(family: str) -> Mapping[str, Any]:
    """Configurations of a known `family` by their names; most families have but their defaults."""
    found: Mapping[str, Any] = getattr(import_module(f"{__name__}.{family}"), "PRESETS", {})
    return found


def preset(family: str, name: str | None) -> dict[str, Any]:
    """Plain values in which the preset `name` of a known `family` differs from its defaults; none for None.

    Raises InputError for a name that the family does not have.
    """
    if name is None:
        return {}
    known = presets(family)
    if name not in known:
        there = f"there are: {', '.join(known)}" if known else "it has none"
        raise InputError(f"{family} has no preset '{name}'; {there}.")
    plain = to_dict(import_module(f"{__name__}.{family}").Config())
    return {key: value for key, value in to_dict(known[name]).items() if value != plain[key]}


def export(model: GenerativeModel[Any], path: Path, metadata: Metadata, *, half: bool = False) -> None:
    """Write the weights that sampling needs; `half` stores them as float16."""
    tensors = {
        name: tensor.half() if half and tensor.is_floating_point() else tensor
        for name, tensor in model.state_dict().items()
        if name.split(".")[0] not in model.training_only
    }
    save(path, tensors, metadata)


def open_model(path: Path) -> tuple[GenerativeModel[Any], Metadata]:
    """The model in an exported weights file, in float32 and ready to sample. Raises CheckpointError."""
    tensors, metadata = load(path)
    try:
        model = build(metadata.family, dict(metadata.config))
    except InputError as error:
        raise CheckpointError(f"{path} is not a model of this version of Figment: {error}") from None
    expected = {name for name in model.state_dict() if name.split(".")[0] not in model.training_only}
    if expected != tensors.keys():
        odd = sorted(expected ^ tensors.keys())[0]
        raise CheckpointError(f"{path} does not fit the family '{metadata.family}': '{odd}' is missing or unexpected.")
    try:
        model.load_state_dict({name: tensor.float() for name, tensor in tensors.items()}, strict=False)
    except RuntimeError:
        raise CheckpointError(f"{path} has weights of other sizes than its configuration says.") from None
    return model.eval(), metadata


def _check_name(family: str) -> None:
    if family not in names():
        raise InputError(f"No model family '{family}'; there are: {', '.join(names())}.")


def describe(model: GenerativeModel[Any]) -> dict[str, Any]:
    """Plain values of a model's configuration."""
    return to_dict(model.config)
