"""Names in JSON objects: finding duplicate and unknown ones, and showing them safely.

It is in the lowest room, because intake, snapshots and console read JSON and may not import each other.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, Final

import msgspec
from msgspec import Raw

#: The error for a name that an object has more than once (RFC 8259, 4); a proxy may have read the other value.
TWICE: Final = "appears twice, and JSON does not define which value counts"

#: A name that is certainly neither an address nor a phone number, and that cannot control a terminal.
_PLAIN: Final = re.compile(r"(?!(?:\D*\d){7})[\w$-]{1,64}", re.ASCII)
#: The similarity from which a name may be a misspelling: `exclusion` of `exclusions`, but not `at` of `name`.
_ALIKE: Final = 0.6
#: The same when nothing else suggests a mistake: `emial` of `email`, but not `location` of `action`.
_SURELY: Final = 0.8

_decode = msgspec.json.Decoder().decode
_members = msgspec.json.Decoder(dict[str, Raw]).decode
_encode = msgspec.json.Encoder().encode


class _Object(list[tuple[str, Any]]):
    """All members of an object, in order, with duplicates."""


def twice(text: bytes | Raw, apart: Collection[str] = ()) -> list[str]:
    """Return the places of duplicate names, at any depth: `.audience.id`, `.members[3].email`.

    `text`: well-formed JSON. `apart`: names of a top-level object whose values are skipped, because each of their items
    is checked separately later. Raises RecursionError when it is nested too deeply, and ValueError when it is not JSON.
    """
    raw = _without(bytes(text), apart) if apart else bytes(text)
    if _has_every_name_once(raw):
        return []
    return list(_twice(json.loads(raw, object_pairs_hook=_Object, parse_float=str, parse_int=str)))


def shown(name: str) -> str:
    """Return a name as a message may show it. A name that may be an address or a phone number is not shown."""
    return name if _PLAIN.fullmatch(name) else f"(a name of {len(name):,} characters)"


def meant(name: str, known: Collection[str]) -> str:
    """Return the known name that is similar to an unknown one; empty if there is none."""
    return next(iter(get_close_matches(name.lower(), known, 1, _ALIKE)), "")


def unknown(name: str, known: Collection[str]) -> str:
    """Return the error for an unknown name: `exclusion: unknown; did you mean exclusions?`, or the known names."""
    if near := meant(name, known):
        return f"{shown(name)}: unknown; did you mean {near}?"
    others = f"known names: {', '.join(known)}" if known else "no names are allowed here"
    return f"{shown(name)}: unknown; {others}"


def mistaken(text: bytes | Raw, known: tuple[str, ...], elsewhere: Collection[str] = ()) -> str:
    """Return the error for the first name that is certainly a misspelling of a known one; empty if there is none.

    Other unknown names are ignored: the sender may send more than Ferry reads. `elsewhere`: names that are known in
    another place and have an effect there.
    """
    # Longer names cannot be similar enough, and would only fill the cache.
    longest = max(map(len, known)) * (2 / _SURELY - 1)
    for name in _members(bytes(text)):
        if name not in known and (name in elsewhere or (len(name) <= longest and _is_near(name, known))):
            return unknown(name, known)
    return ""


@lru_cache(1_000)
def _is_near(name: str, known: tuple[str, ...]) -> bool:
    """Whether a name is certainly a misspelling of a known one. Cached, because changes of one sender are alike."""
    return bool(get_close_matches(name.lower(), known, 1, _SURELY))


def _without(text: bytes, apart: Collection[str]) -> bytes:
    """Return the object without the values of these names, or unchanged when one of its names is a duplicate."""
    members = _members(text)
    if not _says_as_much(_encode(members), text):
        return text
    return _encode({name: value for name, value in members.items() if name not in apart})


def _has_every_name_once(text: bytes) -> bool:
    """Whether decoding and encoding loses no name, which is much faster than checking every name.

    A dictionary keeps one value of a duplicate name, so its encoding has one name less. Also False for JSON that only
    the slower parser reads, such as a number of 30 digits.
    """
    try:
        return _says_as_much(_encode(_decode(text)), text)
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError):
        return False


def _says_as_much(written: bytes, text: bytes) -> bool:
    """Whether two encodings of a document have equally many names and strings. Most senders encode as Ferry does."""
    return written == text or _texts(written) == _texts(text)


def _texts(text: bytes) -> int:
    """Return the number of quotes that begin or end a string: two for each name and each string value."""
    if b"\\" in text:
        text = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    return text.count(b'"')


def _twice(document: Any) -> Iterator[str]:
    """Yield the places of duplicate names, without recursion, because the document may be nested very deeply."""
    waiting: list[tuple[str, Any]] = [("", document)]
    while waiting:
        place, value = waiting.pop()
        within: list[tuple[str, Any]] = []
        if isinstance(value, _Object):
            seen: set[str] = set()
            for name, inner in value:
                inner_place = f"{place}.{shown(name)}"
                if name in seen:
                    yield inner_place
                seen.add(name)
                within.append((inner_place, inner))
        elif isinstance(value, list):
            within = [(f"{place}[{index}]", inner) for index, inner in enumerate(value)]
        waiting += reversed(within)
