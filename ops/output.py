"""Printing: JSON for programs, rich text for people. Terminal control characters in names are escaped."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import Any

import click
import msgspec
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from text.escaping import visible_json, visible_lines


def console(stderr: bool = False) -> Console:
    """Return a console that prints texts literally: rich would interpret brackets and colons in names."""
    return _Safe(stderr=stderr, markup=False, highlight=False, emoji=False)


def table(*columns: str, right: tuple[str, ...] = ()) -> Table:
    """Return a table without frames; the columns in `right` contain numbers."""
    made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", overflow="fold")
    return made


def print_json(value: Any) -> None:
    """Print indented JSON on stdout, without terminal control characters; `value` may contain structs."""
    click.echo(visible_json(json.dumps(msgspec.to_builtins(value), indent=2, ensure_ascii=False)))


def json_line(value: Any) -> str:
    """Return the same JSON on one line."""
    return visible_json(json.dumps(msgspec.to_builtins(value), ensure_ascii=False))


def echo(text: str, *, err: bool = False) -> None:
    """Print a text of one or several lines, without terminal control characters; `err`: on stderr."""
    click.echo(visible_lines(text), err=err)


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
