"""Half characters in JSON: senders cut texts between the two escapes of an emoji, and no strict parser reads that.

It is in the lowest room, because intake and snapshots read JSON and may not import each other.
"""

from __future__ import annotations

import re
from typing import Final

#: The escapes of one half; the group is the other half of a whole character. Its literal beginning is found fast.
_HALF: Final = re.compile(rb"\\u[dD](?:[89abAB][0-9a-fA-F]{2}(\\u[dD][c-fC-F][0-9a-fA-F]{2})?|[c-fC-F][0-9a-fA-F]{2})")
_BACKSLASH: Final = ord("\\")


def without_halves(json: bytes) -> bytes:
    """Return a JSON text without the escapes of lone surrogates, such as `\\ud83d` of a text that ends within an emoji.

    JavaScript and Python write them, and RFC 8259 (8.2) leaves open what they mean. A value with one would otherwise
    refuse the whole body, and with it everybody else in it. Linear in the length. Pure.
    """
    if b"\\ud" not in json and b"\\uD" not in json:
        return json
    kept, at, position = bytearray(), 0, 0
    while half := _HALF.search(json, position):
        start, position = half.span()
        if not _is_escape(json, start):
            position = start + 1
        elif half[1] is None:
            kept += memoryview(json)[at:start]
            at = position
    kept += memoryview(json)[at:]
    return bytes(kept)


def _is_escape(json: bytes, at: int) -> bool:
    """Whether the backslash there begins an escape; after an odd number of others it belongs to one of theirs."""
    first = at
    while first and json[first - 1] == _BACKSLASH:
        first -= 1
    return (at - first) % 2 == 0
