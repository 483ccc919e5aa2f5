"""Configurations: frozen dataclasses whose bounds and field docstrings feed validation, JSON schema and options.

@config
class Config:
    \"\"\"A small network.\"\"\"

    width: Annotated[int, Field(ge=8, le=1024)] = 64
    \"\"\"Channels of the first layer.\"\"\"
"""

from collections.abc import Mapping
from typing import Any, TypeVar, dataclass_transform

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from figment.core.errors import InputError

__all__ = ["Field", "config", "from_dict", "schema", "to_dict"]

T = TypeVar("T")


@dataclass_transform(frozen_default=True)
def config(cls: type[T]) -> type[T]:
    """Make `cls` a frozen, validated dataclass that refuses unknown fields."""
    settings = ConfigDict(extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)
    return dataclass(frozen=True, config=settings)(cls)  # type: ignore[return-value]  # it is cls, with fields added


def from_dict(cls: type[T], values: Mapping[str, Any]) -> T:
    """Build a configuration from plain values. Raises InputError naming the first bad field and what it takes."""
    try:
        return TypeAdapter(cls).validate_python(dict(values))
    except ValidationError as error:
        raise InputError(explain(error)) from None


def to_dict(value: object) -> dict[str, Any]:
    """Plain JSON values of a configuration."""
    plain: dict[str, Any] = TypeAdapter(type(value)).dump_python(value, mode="json")
    return plain


def schema(cls: type[Any]) -> dict[str, Any]:
    """JSON schema of a configuration, with its field docstrings as descriptions."""
    return TypeAdapter(cls).json_schema()


def explain(error: ValidationError) -> str:
    """One sentence for the first thing that pydantic found."""
    first = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "value"
    message = first["msg"].removeprefix("Value error, ").removeprefix("Input ")
    given = repr(first["input"])
    shown = given if len(given) <= 60 else f"{given[:57]}..."
    return f"{where} {message[:1].lower()}{message[1:]}, not {shown}."
