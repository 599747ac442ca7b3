"""Open the body of a snapshot: uncompressed, as UTF-8 without a byte order mark, whatever program wrote it.

Files that are not text, such as workbooks and web pages, are refused with what to send instead.
"""

from __future__ import annotations

import codecs
import zlib
from collections.abc import Iterator
from itertools import chain
from typing import Final

from snapshots.encodings import converted, named, recognised, wide
from snapshots.lines import peeked
from snapshots.report import ReadReport
from snapshots.rows import Unreadable

#: The most bytes unpacked at a time, so that a highly compressed body does not fill the memory.
_AT_ONCE: Final = 262_144
_ANY_GZIP: Final = 31
_GZIP: Final = b"\x1f\x8b"
#: Longer marks first: the one of UTF-32 begins with the one of UTF-16.
_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
#: Bytes that show the encoding or the kind of a file.
_BEGINNING: Final = 64
#: How files begin that are not text, and what to do.
_FOREIGN: Final = (
    (_GZIP, "compressed twice: compress it once"),
    (b"PK\x03\x04", "a ZIP archive or an Excel workbook: give the workbook to ferry sync, or save it as CSV UTF-8"),
    (b"\xd0\xcf\x11\xe0", "a workbook of an old Excel (.xls): save it as CSV UTF-8 or as .xlsx"),
    (b"PAR1", "a Parquet file: give it to ferry sync, or send it as CSV or NDJSON"),
    (b"BZh", "compressed with bzip2: use gzip, or send it uncompressed"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd: use gzip, or send it uncompressed"),
    (b"\xfd7zXZ", "compressed with xz: use gzip, or send it uncompressed"),
    (b"%PDF", "a PDF: export the rows as CSV"),
    (b"Obj\x01", "an Avro file: export the rows as CSV or NDJSON"),
)
_WEB_PAGE: Final = (b"<!doctype html", b"<html")


def opened(pieces: Iterator[bytes], gzip: bool, charset: str, report: ReadReport) -> Iterator[bytes]:
    """Yield the body as UTF-8 without a mark. Raises Unreadable.

    `gzip`: whether it was announced as compressed; a body that begins like gzip is unpacked anyway. `charset`: the
    announced encoding, empty for none; a byte order mark counts more. The encoding goes into the report.
    """
    plain = peeked(unpacked(pieces, gzip), _BEGINNING)
    start = next(plain, b"")
    _check_text(start)
    for mark, encoding in _MARKS:
        if start.startswith(mark):
            return converted(chain([start.removeprefix(mark)], plain), encoding, report)
    whole = chain([start.removeprefix(codecs.BOM_UTF8)], plain)
    encoding = "utf-8" if start.startswith(codecs.BOM_UTF8) else named(charset) or wide(start)
    if encoding in ("", "utf-8"):
        return recognised(whole, encoding == "utf-8", report)
    return converted(whole, encoding, report)


def unpacked(pieces: Iterator[bytes], gzip: bool) -> Iterator[bytes]:
    """Yield the body without compression; a compressed body in pieces of at most 262,144 bytes. Raises Unreadable."""
    whole = peeked(pieces, len(_GZIP))
    start = next(whole, b"")
    whole = chain([start], whole) if start else whole
    return _gunzip(whole) if gzip or start.startswith(_GZIP) else whole


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


def _check_text(start: bytes) -> None:
    for beginning, remedy in _FOREIGN:
        if start.startswith(beginning):
            raise Unreadable(f"the file is {remedy}")
    if start.lstrip().lower().startswith(_WEB_PAGE):
        raise Unreadable("the file is a web page, perhaps of an expired link or a sign-in: download the file again")
