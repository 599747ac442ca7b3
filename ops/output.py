"""Printing: JSON for programs, rich text for people. Terminal control characters in names are escaped.

`--quiet` and `--json` of the running command (commands/options.py) decide what is printed: with `--quiet` only warnings
and errors, with `--json` only JSON on stdout.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import Any, Final

import click
import msgspec
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from text.escaping import visible_json, visible_lines

#: Names under which click's context keeps the options of the running command.
QUIET: Final = "ferry.quiet"
JSON: Final = "ferry.json"


def is_json() -> bool:
    """Return whether the running command has `--json`."""
    return _is_set(JSON)


def _is_set(option: str) -> bool:
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.meta.get(option))


def _is_shown(err: bool) -> bool:
    """Return whether text is printed on stdout, or on stderr."""
    return not _is_set(QUIET) and (err or not _is_set(JSON))


def console(stderr: bool = False) -> Console:
    """Return a console that prints texts literally: rich would interpret brackets and colons in names."""
    return _Safe(stderr=stderr, markup=False, highlight=False, emoji=False, quiet=not _is_shown(stderr))


def table(*columns: str, right: tuple[str, ...] = ()) -> Table:
    """Return a table without frames; the columns in `right` contain numbers."""
    made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", overflow="fold")
    return made


def print_json(value: Any) -> None:
    """Print indented JSON on stdout, unless with --quiet, without terminal control characters.

    `value` may contain structs.
    """
    if not _is_set(QUIET):
        click.echo(visible_json(json.dumps(msgspec.to_builtins(value), indent=2, ensure_ascii=False)))


def print_json_line(value: Any) -> None:
    """Print the same JSON on one line."""
    if not _is_set(QUIET):
        click.echo(json_line(value))


def json_line(value: Any) -> str:
    """Return the same JSON on one line."""
    return visible_json(json.dumps(msgspec.to_builtins(value), ensure_ascii=False))


def echo(text: str, *, err: bool = False) -> None:
    """Print a text of one or several lines, without terminal control characters; `err`: on stderr."""
    if _is_shown(err):
        click.echo(visible_lines(text), err=err)


def echo_result(text: str) -> None:
    """Print what exists nowhere else, such as a new token: also with --quiet."""
    click.echo(visible_lines(text))


def complain(text: str) -> None:
    """Print what is wrong on stderr, also with --quiet."""
    click.echo(visible_lines(text), err=True)


def echo_file(content: bytes) -> None:
    """Print a file on stdout: exact for a program or a file, without control characters on a terminal."""
    if sys.stdout.isatty():
        content = visible_lines(content.decode().replace("\r\n", "\n")).encode()
    click.echo(content, nl=False)


class _Safe(Console):
    """A console that escapes terminal control characters in every text, also inside tables and groups."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render a part; rich calls it for everything it prints."""
        if isinstance(renderable, str):
            renderable = visible_lines(renderable)
        elif isinstance(renderable, Text) and (safe := visible_lines(renderable.plain)) != renderable.plain:
            # The spans would no longer match the text; a hostile name needs no colours.
            renderable = Text(safe, style=renderable.style, justify=renderable.justify, overflow=renderable.overflow)
        return super().render(renderable, options)
