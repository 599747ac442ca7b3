"""A body in pieces as lines, in little memory."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Final

from snapshots.rows import Unreadable

#: The longest line, in bytes: ten profiles of the largest size that Klaviyo takes.
MAX_LINE: Final = 1_000_000
#: Bytes that are unpacked at once, so that no body, however well packed, fills the memory.
_AT_ONCE: Final = 262_144
_ANY_GZIP: Final = 31
_BOM: Final = b"\xef\xbb\xbf"


def unpacked(pieces: Iterator[bytes], gzip: bool) -> Iterator[bytes]:
    """The body without compression, by pieces of at most 262,144 bytes where it had any. Raises Unreadable."""
    return _gunzip(pieces) if gzip else pieces


def _gunzip(pieces: Iterator[bytes]) -> Iterator[bytes]:
    member = zlib.decompressobj(_ANY_GZIP)
    size = 0
    for piece in pieces:
        size += len(piece)
        while piece:
            if member.eof:
                # Several members, one behind the other, are one file (RFC 1952); so pigz and log rotation write it.
                member = zlib.decompressobj(_ANY_GZIP)
            try:
                plain = member.decompress(piece, _AT_ONCE)
            except zlib.error as error:
                raise Unreadable(
                    f"what is sent as gzip is none within its first {size:,} bytes: send it again whole"
                ) from error
            if plain:
                yield plain
            piece = member.unused_data or member.unconsumed_tail
    # Nothing came at all: an empty body is no gzip either.
    if not member.eof:
        raise Unreadable(f"the gzip breaks off after {size:,} bytes: send it again whole")


def lines(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Every line with its end, without a byte order mark in front. Raises Unreadable for one over 1 MB."""
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
            f"line {number:,} is longer than {MAX_LINE:,} bytes: one row a line is needed, each ended by a newline"
        )
    return line


def without_mark(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The pieces without the byte order mark that Windows writes in front of UTF-8."""
    start = b""
    for piece in pieces:
        start += piece
        if len(start) >= len(_BOM):
            break
    yield start.removeprefix(_BOM)
    yield from pieces


def texts(pieces: Iterator[bytes]) -> Iterator[str]:
    """The lines as text. Raises Unreadable for one that is not UTF-8."""
    for number, line in enumerate(lines(pieces), start=1):
        try:
            yield line.decode()
        except UnicodeDecodeError as error:
            raise not_utf8(number) from error


def not_utf8(number: int) -> Unreadable:
    """The error for a line that is not UTF-8."""
    return Unreadable(f"line {number:,} is not UTF-8: export the file as UTF-8")
