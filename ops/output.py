"""Printing: JSON for programs, rich text for people. Nothing that somebody named steers the terminal."""

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
    """A console that prints what it is given: names may hold brackets and colons, which rich would interpret."""
    return _Safe(stderr=stderr, markup=False, highlight=False, emoji=False)


def table(*columns: str, right: tuple[str, ...] = ()) -> Table:
    """A table without frames; the columns in `right` hold numbers."""
    made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", overflow="fold")
    return made


def print_json(value: Any) -> None:
    """Indented JSON on stdout, which steers no terminal; `value` may hold structs."""
    click.echo(visible_json(json.dumps(msgspec.to_builtins(value), indent=2, ensure_ascii=False)))


def json_line(value: Any) -> str:
    """The same on one line."""
    return visible_json(json.dumps(msgspec.to_builtins(value), ensure_ascii=False))


def echo(text: str, *, err: bool = False) -> None:
    """A text on a line of its own, or several, without what would steer the terminal; `err`: on stderr."""
    click.echo(visible_lines(text), err=err)


def echo_file(content: bytes) -> None:
    """A file on stdout: exact for a program or another file, and at a terminal without what would steer it."""
    if sys.stdout.isatty():
        content = visible_lines(content.decode().replace("\r\n", "\n")).encode()
    click.echo(content, nl=False)


class _Safe(Console):
    """Writes out what would steer the terminal in every text, wherever in a table or a group it stands."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Rich calls it for everything it prints, part by part."""
        if isinstance(renderable, str):
            renderable = visible_lines(renderable)
        elif isinstance(renderable, Text) and (safe := visible_lines(renderable.plain)) != renderable.plain:
            # Its spans would point to other places; a hostile name need not be coloured.
            renderable = Text(safe, style=renderable.style, justify=renderable.justify, overflow=renderable.overflow)
        return super().render(renderable, options)
