"""Split a body that arrives in pieces of UTF-8 into lines, with little memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from snapshots.rows import Unreadable

#: The longest line, in bytes: ten profiles of the largest size that Klaviyo takes.
MAX_LINE: Final = 1_000_000
#: Bytes that a block of lines has, besides the rest of the line before.
_BLOCK: Final = 65_536
_BOM: Final = b"\xef\xbb\xbf"


def blocks(pieces: Iterator[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield whole lines with their line ends, some 64 kB at a time, and the number of their first line, from 1.

    Without a byte order mark. Raises Unreadable when a line becomes longer than 1 MB before it ends.
    """
    number, rest = 1, b""
    for piece in without_mark(pieces):
        for start in range(0, len(piece), _BLOCK):
            whole, end, rest = (rest + piece[start : start + _BLOCK]).rpartition(b"\n")
            if end:
                yield number, whole + end
                number += whole.count(b"\n") + 1
            check_length(rest, number)
    if rest:
        yield number, rest


def lines(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield every line with its line end, without a byte order mark. Raises Unreadable for a line over 1 MB."""
    for first, block in blocks(pieces):
        for number, line in enumerate(block.removesuffix(b"\n").split(b"\n"), start=first):
            check_length(line, number)
            # Only the last line of a body may be without its end.
            yield line + b"\n" if block.endswith(b"\n") else line


def texts(pieces: Iterator[bytes]) -> Iterator[str]:
    """Yield the lines of UTF-8 as text; a lone carriage return, as Excel wrote on a Mac, ends a line, too.

    Raises Unreadable for a line over 1 MB.
    """
    number, rest = 0, b""
    for piece in without_mark(pieces):
        # Unlike str.splitlines, that of bytes knows no other line ends, such as form feeds.
        found = (rest + piece).splitlines(keepends=True)
        # The newline of a carriage return may be in the next piece.
        rest = found.pop() if found and not found[-1].endswith(b"\n") else b""
        for line in found:
            number += 1
            check_length(line, number)
            yield line.decode()
        check_length(rest, number + 1)
    if rest:
        yield rest.decode()


def check_length(line: bytes, number: int) -> None:
    """Raise Unreadable for a line over 1 MB."""
    if len(line) > MAX_LINE:
        raise Unreadable(
            f"line {number:,} is longer than {MAX_LINE:,} bytes: end each row by a newline, or leave out long values"
        )


def without_mark(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the pieces without the byte order mark that Windows writes before UTF-8."""
    whole = peeked(pieces, len(_BOM))
    yield next(whole, b"").removeprefix(_BOM)
    yield from whole


def peeked(pieces: Iterator[bytes], size: int) -> Iterator[bytes]:
    """Yield the pieces; the first has at least `size` bytes, unless the body is shorter."""
    start = b""
    for piece in pieces:
        start += piece
        if len(start) >= size:
            break
    if start:
        yield start
    yield from pieces
