"""Half characters in JSON: senders cut texts between the two halves of an emoji, and no strict parser reads that.

It is in the lowest room, because intake and snapshots read JSON and may not import each other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

#: The escapes of one half; the group is the other half of a whole character. Its literal beginning is found fast.
_ESCAPED: Final = re.compile(
    rb"\\u[dD](?:[89abAB][0-9a-fA-F]{2}(\\u[dD][c-fC-F][0-9a-fA-F]{2})?|[c-fC-F][0-9a-fA-F]{2})"
)
_AS_ESCAPE: Final = rb"\ufffd"
#: A half, or two that are one character, as bytes that UTF-8 does not have (CESU-8).
_RAW: Final = re.compile(rb"\xed[\xa0-\xaf][\x80-\xbf]\xed[\xb0-\xbf][\x80-\xbf]|\xed[\xa0-\xbf][\x80-\xbf]")
_AS_BYTES: Final = "\ufffd".encode()
_BACKSLASH: Final = ord("\\")
#: The end of a piece that the next piece may continue: a part of an escape, or a first half and a part of a second one.
_UNFINISHED: Final = re.compile(
    rb"\\(?:u(?:[0-9a-fA-F]{0,3}|[dD][89abAB][0-9a-fA-F]{2}(?:\\(?:u[0-9a-fA-F]{0,3})?)?))?\Z"
)
_LONGEST: Final = 11


def whole_characters(json: bytes) -> bytes:
    """Return a JSON text with U+FFFD for each lone surrogate, such as `\\ud83d` of a text that ends within an emoji.

    JavaScript and Python write them as escapes, other languages as bytes, and RFC 8259 (8.2) leaves open what they
    mean. A value with one would otherwise refuse the whole body, and with it everybody else in it. Nothing is left out,
    because an id without a character may be another person's. A text of escapes keeps its length, so places in messages
    about the text stay right. Linear in the length. Pure.
    """
    if b"\xed" in json:
        json = _RAW.sub(_character, json)
    return _without_escapes(json)


def of_pieces(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the same for the escapes of a text in pieces, whose borders may be within an escape."""
    rest = b""
    for piece in pieces:
        text = rest + piece
        end = _end(text)
        text, rest = text[:end], text[end:]
        if text:
            yield _without_escapes(text)
    if rest:
        yield _without_escapes(rest)


def _character(found: re.Match[bytes]) -> bytes:
    halves = found[0].decode("utf-8", "surrogatepass")
    return halves.encode("utf-16", "surrogatepass").decode("utf-16").encode() if len(halves) == 2 else _AS_BYTES


def _without_escapes(json: bytes) -> bytes:
    # One byte is found twenty times as fast as three, and many texts have no escapes.
    if b"\\" not in json or (b"\\ud" not in json and b"\\uD" not in json):
        return json
    kept, position = bytearray(json), 0
    while half := _ESCAPED.search(json, position):
        start, position = half.span()
        if not _is_escape(json, start):
            position = start + 1
        elif half[1] is None:
            kept[start:position] = _AS_ESCAPE
    return bytes(kept)


def _is_escape(json: bytes, at: int) -> bool:
    """Whether the backslash there begins an escape; after an odd number of others it belongs to one of theirs."""
    first = at
    while first and json[first - 1] == _BACKSLASH:
        first -= 1
    return (at - first) % 2 == 0


def _end(text: bytes) -> int:
    """Return where to cut a piece: before what may continue, and never between a backslash and what it escapes."""
    tail = _UNFINISHED.search(text, max(0, len(text) - _LONGEST))
    end = tail.start() if tail else len(text)
    return end if end == len(text) or _is_escape(text, end) else end - 1
