"""Groups whose commands are imported when they are called, so that help and completion load no tensor library."""

from collections.abc import Mapping
from importlib import import_module
from keyword import iskeyword
from typing import Any

import click

__all__ = ["LazyGroup"]


class LazyGroup(click.Group):
    """Commands that are modules of `package`, each with a `command`; `known` says in a line what each does."""

    def __init__(self, package: str, known: Mapping[str, str], **settings: Any) -> None:
        super().__init__(**settings)
        self.package, self.known = package, known

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.known)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in self.known:
            return None
        module = f"{name}_" if iskeyword(name) else name
        command: click.Command = import_module(f"{self.package}.{module}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(self.known.items()))
