"""Split a body that arrives in pieces into lines, with little memory."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Final

from snapshots.rows import Unreadable

#: The longest line, in bytes: ten profiles of the largest size that Klaviyo takes.
MAX_LINE: Final = 1_000_000
#: The most bytes unpacked at a time, so that a highly compressed body does not fill the memory.
_AT_ONCE: Final = 262_144
_ANY_GZIP: Final = 31
_BOM: Final = b"\xef\xbb\xbf"


def unpacked(pieces: Iterator[bytes], gzip: bool) -> Iterator[bytes]:
    """Yield the body without compression; a compressed body in pieces of at most 262,144 bytes. Raises Unreadable."""
    return _gunzip(pieces) if gzip else pieces


def _gunzip(pieces: Iterator[bytes]) -> Iterator[bytes]:
    member = zlib.decompressobj(_ANY_GZIP)
    size = 0
    for piece in pieces:
        size += len(piece)
        while piece:
            if member.eof:
                # A file may consist of several members (RFC 1952); pigz and log rotation write such files.
                member = zlib.decompressobj(_ANY_GZIP)
            try:
                plain = member.decompress(piece, _AT_ONCE)
            except zlib.error as error:
                raise Unreadable(
                    f"the gzip is invalid within its first {size:,} bytes: send the complete file again"
                ) from error
            if plain:
                yield plain
            piece = member.unused_data or member.unconsumed_tail
    # This includes an empty body, which is not gzip either.
    if not member.eof:
        raise Unreadable(f"the gzip is truncated after {size:,} bytes: send the complete file again")


def lines(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield every line with its line end, without a byte order mark. Raises Unreadable for a line over 1 MB."""
    number, rest = 0, b""
    for piece in without_mark(pieces):
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            number += 1
            yield _short(line, number) + b"\n"
        _short(rest, number + 1)
    if rest:
        yield rest


def _short(line: bytes, number: int) -> bytes:
    if len(line) > MAX_LINE:
        raise Unreadable(
            f"line {number:,} is longer than {MAX_LINE:,} bytes: send one row per line, each ended by a newline"
        )
    return line


def without_mark(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the pieces without the byte order mark that Windows writes before UTF-8."""
    start = b""
    for piece in pieces:
        start += piece
        if len(start) >= len(_BOM):
            break
    yield start.removeprefix(_BOM)
    yield from pieces


def texts(pieces: Iterator[bytes]) -> Iterator[str]:
    """Yield the lines as text. Raises Unreadable for a line that is not UTF-8."""
    for number, line in enumerate(lines(pieces), start=1):
        try:
            yield line.decode()
        except UnicodeDecodeError as error:
            raise not_utf8(number) from error


def not_utf8(number: int) -> Unreadable:
    """Return the error for a line that is not UTF-8."""
    return Unreadable(f"line {number:,} is not UTF-8: export the file as UTF-8")
