"""Command-line options from a configuration: names, types, bounds, defaults and help stand once, in its fields."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from figment.core.config import schema

__all__ = ["options_of"]

F = TypeVar("F", bound=Callable[..., Any])
TYPES: Mapping[str, type] = {"integer": int, "number": float, "string": str, "boolean": bool}


def options_of(
    configuration: type[Any], *, arguments: tuple[str, ...] = (), short: Mapping[str, str]
) -> Callable[[F], F]:
    """Add one option per field of `configuration` to a click command; fields in `arguments` become positional."""
    described = schema(configuration)
    required = set(described.get("required", ()))

    def decorate(command: F) -> F:
        for name, field in reversed(list(described["properties"].items())):
            if name in arguments:
                command = click.argument(name, type=str)(command)
                continue
            flags = [f"--{name.replace('_', '-')}", *([short[name]] if name in short else [])]
            kind = _kind(field)
            command = click.option(
                *flags,
                name,
                type=kind,
                is_flag=kind is bool,
                default=field.get("default"),
                show_default=field.get("default") not in (None, ""),
                required=name in required,
                help=f"{field.get('description', '')}{_bounds(field)}",
            )(command)
        return command

    return decorate


def _choices(field: Mapping[str, Any]) -> Mapping[str, Any]:
    """The part of a nullable field that is not null."""
    return next((part for part in field.get("anyOf", ()) if part.get("type") != "null"), field)


def _kind(field: Mapping[str, Any]) -> type | click.Choice[str]:
    chosen = _choices(field)
    return click.Choice(chosen["enum"]) if "enum" in chosen else TYPES[chosen["type"]]


def _bounds(field: Mapping[str, Any]) -> str:
    bounds = _choices(field)
    if "minimum" in bounds and "maximum" in bounds:
        return f" ({bounds['minimum']:g} to {bounds['maximum']:g})"
    return ""
