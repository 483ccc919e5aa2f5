"""Command-line options from a configuration: names, types, bounds, defaults and help stand once, in its fields."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import click

from figment.core.config import schema
from figment.core.errors import InputError

__all__ = ["options_of", "pairs"]

F = TypeVar("F", bound=Callable[..., Any])
TYPES: Mapping[str, type] = {"integer": int, "number": float, "string": str, "boolean": bool}


def options_of(
    configuration: type[Any], *, arguments: tuple[str, ...] = (), short: Mapping[str, str]
) -> Callable[[F], F]:
    """Add one option per field of `configuration` to a click command; fields in `arguments` become positional."""
    described = schema(configuration)
    required = set(described.get("required", ()))

    def decorate(command: F) -> F:
        for name, told in reversed(list(described["properties"].items())):
            field = _resolved(told, described)
            if name in arguments:
                command = click.argument(name, type=str)(command)
                continue
            kind = _kind(field)
            flags = [_flag(name, field), *([short[name]] if name in short else [])]
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


def pairs(changes: Sequence[str], example: str) -> dict[str, str]:
    """Names and values of the options --set. Raises InputError for one that is not NAME=VALUE, as `example` is."""
    split = [change.partition("=") for change in changes]
    for change, (_, sign, _) in zip(changes, split, strict=True):
        if not sign:
            raise InputError(f"--set takes NAME=VALUE, such as {example}, not '{change}'.")
    return {name: value for name, _, value in split}


def _flag(name: str, field: Mapping[str, Any]) -> str:
    """Such as --steps; --tiling, or --turned/--no-turned for what is on unless it is switched off."""
    flag = name.replace("_", "-")
    return f"--{flag}/--no-{flag}" if field.get("default") is True else f"--{flag}"


def _resolved(field: Mapping[str, Any], described: Mapping[str, Any]) -> Mapping[str, Any]:
    """`field` with what it refers to in its place; its own description stands over that of what it refers to."""
    if "$ref" not in field:
        return field
    return {**described["$defs"][field["$ref"].rpartition("/")[2]], **field}


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
