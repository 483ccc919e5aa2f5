"""Write docs/cli.md, the help of every command, from the commands themselves.

python scripts/cli_docs.py            write it
python scripts/cli_docs.py --check    fail when it is not what the commands say now
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from figment.cli import figment

PAGE = Path(__file__).parent.parent / "docs" / "cli.md"
HEAD = "# The `figment` command\n\nWritten by `scripts/docs` from the commands; change their help instead.\n"
COLUMNS = 100


def main() -> None:
    """Write the page or check it."""
    parser = argparse.ArgumentParser(description="Write docs/cli.md from the commands.")
    parser.add_argument("--check", action="store_true", help="fail when the page is not current")
    page = "\n".join([HEAD, *sections(figment, "figment", None)])
    if not parser.parse_args().check:
        PAGE.write_text(page, encoding="utf-8")
    elif not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != page:
        sys.exit("docs/cli.md is not what the commands say now; run scripts/docs and commit it.")


def sections(command: click.Command, name: str, parent: click.Context | None) -> Iterator[str]:
    """The help of `command`, then that of each of its commands, as Markdown."""
    settings = {**command.context_settings, "terminal_width": COLUMNS, "max_content_width": COLUMNS}
    with click.Context(command, info_name=name, parent=parent, **settings) as context:
        yield f"## `{context.command_path}`\n\n```text\n{command.get_help(context)}\n```\n"
        if isinstance(command, click.Group):
            for inner in command.list_commands(context):
                found = command.get_command(context, inner)
                if found is not None:
                    yield from sections(found, inner, context)


if __name__ == "__main__":
    main()
