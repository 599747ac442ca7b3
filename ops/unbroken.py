"""Text and tables for terminals in which no id is broken over lines, however narrow the terminal is.

Print them with `crop=False`, so that an id longer than a line stays whole.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

_GAP: Final = 2


class UnbrokenText:
    """A paragraph that is wrapped at spaces only. `indent`: columns before each line; `hang`: more after the first."""

    def __init__(self, text: str, style: str = "", indent: int = 0, hang: int = 0) -> None:
        self._text = text
        self._style = style
        self._indent = indent
        self._hang = hang

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the lines."""
        margin = " " * self._indent
        lines = textwrap.wrap(
            self._text,
            max(options.max_width, self._indent + self._hang + 1),
            initial_indent=margin,
            subsequent_indent=margin + " " * self._hang,
            break_long_words=False,
            break_on_hyphens=False,
        )
        yield from (_one_line(Text(line, style=self._style)) for line in lines)


class StackedTable:
    """A table whose rows have lines below them over the whole width: an id, then what is said about it.

    The first column, a name, is shortened when the others need the room.
    """

    def __init__(self, *columns: str, right: tuple[str, ...] = ()) -> None:
        self._right = {number for number, column in enumerate(columns) if column in right}
        self._heads = [Text(column, style="bold") for column in columns]
        self._rows: list[tuple[list[Text], str, str]] = []

    def add_row(self, cells: Sequence[str | Text], whole: str, below: str = "") -> None:
        """Add a row. `whole`: the id; `below`: the rest of what stands below the cells."""
        texts = [cell if isinstance(cell, Text) else Text(cell) for cell in cells]
        self._rows.append((texts, whole, below))

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the lines."""
        widths = self._widths(options.max_width)
        yield self._line(self._heads, widths)
        for cells, whole, below in self._rows:
            yield self._line(cells, widths)
            yield from _below(whole, below, options.max_width)

    def _widths(self, room: int) -> list[int]:
        lines = [self._heads, *(cells for cells, _, _ in self._rows)]
        first, *others = (max(line[number].cell_len for line in lines) for number in range(len(self._heads)))
        return [max(1, min(first, room - sum(others) - _GAP * len(others))), *others]

    def _line(self, cells: Sequence[Text], widths: Sequence[int]) -> Text:
        shown = []
        for number, (cell, width) in enumerate(zip(cells, widths, strict=True)):
            padded = cell.copy()
            padded.truncate(width, overflow="ellipsis")
            padded.align("right" if number in self._right else "left", width)
            shown.append(padded)
        line = Text(" " * _GAP).join(shown)
        line.rstrip()
        return _one_line(line)


def _below(whole: str, below: str, room: int) -> Iterator[Text | UnbrokenText]:
    beside = f"{whole}{' ' * _GAP}{below}".rstrip()
    if Text(beside).cell_len + _GAP <= room:
        yield _one_line(Text(" " * _GAP + beside, style="dim"))
        return
    yield _one_line(Text(" " * _GAP + whole, style="dim"))
    if below:
        yield UnbrokenText(below, style="dim", indent=2 * _GAP)


def _one_line(line: Text) -> Text:
    line.no_wrap, line.overflow = True, "ignore"
    return line
