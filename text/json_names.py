"""Names in JSON objects: finding duplicate and unknown ones, and showing them safely.

It is in the lowest room, because intake, snapshots and console read JSON and may not import each other.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from difflib import SequenceMatcher, get_close_matches
from functools import lru_cache
from typing import Final

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
#: The difference up to which two known names are equally likely: `excludes` of `exclusive` and `exclusions`.
_AS_ALIKE: Final = 0.05

#: What matters for names: strings, and the characters that open, close and divide objects and arrays.
_TOKEN: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[\]{},]', re.DOTALL)

_decode = msgspec.json.Decoder().decode
_members = msgspec.json.Decoder(dict[str, Raw]).decode
_encode = msgspec.json.Encoder().encode


def twice(text: bytes | Raw, apart: Collection[str] = ()) -> list[str]:
    """Return the places of duplicate names, at any depth: `.audience.id`, `.members[3].email`.

    `text`: well-formed JSON. `apart`: names of a top-level object whose values are skipped, because each of their items
    is checked separately later.
    """
    raw = _without(bytes(text), apart) if apart else bytes(text)
    return [] if _has_every_name_once(raw) else list(_twice(raw))


def shown(name: str) -> str:
    """Return a name as a message may show it. A name that may be an address or a phone number is not shown."""
    return name if _PLAIN.fullmatch(name) else f"(a name of {len(name):,} characters)"


def meant(name: str, known: Collection[str]) -> str:
    """Return the known name that is similar to an unknown one; empty if there is none."""
    return next(iter(_near(name.lower(), known)), "")


def unknown(name: str, known: Collection[str]) -> str:
    """Return the error for an unknown name: `exclusion: unknown; did you mean exclusions?`, or the known names."""
    if near := _near(name.lower(), known):
        return f"{shown(name)}: unknown; did you mean {' or '.join(near)}?"
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


def _near(name: str, known: Collection[str]) -> list[str]:
    """Return the known name that is most similar, and a second one that is about as similar; empty if none is."""
    near = get_close_matches(name, known, 2, _ALIKE)
    alike = [SequenceMatcher(None, each, name).ratio() for each in near]
    return [each for each, ratio in zip(near, alike, strict=True) if ratio > alike[0] - _AS_ALIKE]


@lru_cache(1_000)
def _is_near(name: str, known: tuple[str, ...]) -> bool:
    """Whether a name is certainly a misspelling of a known one. Cached, because changes of one sender are alike."""
    return bool(get_close_matches(name.lower(), known, 1, _SURELY))


def _without(text: bytes, apart: Collection[str]) -> bytes:
    """Return the object without the values of these names, or unchanged when one of its names is a duplicate."""
    members = _members(text)
    if not says_as_much(_encode(members), text):
        return text
    return _encode({name: value for name, value in members.items() if name not in apart})


def _has_every_name_once(text: bytes) -> bool:
    """Whether decoding and encoding loses no name, which is much faster than checking every name.

    A dictionary keeps one value of a duplicate name, so its encoding has one name less. Also False for JSON that only
    the slower parser reads, such as a number of 30 digits.
    """
    try:
        return says_as_much(_encode(_decode(text)), text)
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError):
        return False


def says_as_much(written: bytes, text: bytes) -> bool:
    """Whether two encodings of a document have equally many names and strings. Most senders encode as Ferry does.

    If `written` is `text` decoded and encoded again, no name of an object appears twice. Several documents, one behind
    the other, may be compared at once.
    """
    return written == text or _texts(written) == _texts(text)


def _texts(text: bytes) -> int:
    """Return the number of quotes that begin or end a string: two for each name and each string value."""
    if b"\\" in text:
        text = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    return text.count(b'"')


class _Level:
    """An open object or array. `names`: those of an object so far. `at`: the current name, or the current index."""

    __slots__ = ("at", "names")

    def __init__(self, is_object: bool) -> None:
        self.names: set[bytes] | None = set() if is_object else None
        self.at: bytes | int = b"" if is_object else 0

    def step(self) -> str:
        """Return the step of a place to the current member."""
        return f".{shown(self.at.decode('utf-8', 'replace'))}" if isinstance(self.at, bytes) else f"[{self.at}]"


def _twice(text: bytes) -> Iterator[str]:
    """Yield the places of duplicate names, in their order.

    It reads the text token by token and keeps only the names of open objects: a parsed document would take a hundred
    times the memory of its text.
    """
    levels: list[_Level] = []
    is_name = False
    for found in _TOKEN.finditer(text):
        token = found[0]
        if token in b"{[":
            levels.append(_Level(token == b"{"))
        elif token in b"}]":
            levels.pop()
        elif token == b"," and isinstance(index := levels[-1].at, int):
            levels[-1].at = index + 1
        elif is_name and token != b",":
            names = levels[-1].names
            levels[-1].at = name = _plain_name(token)
            if names is not None and name in names:
                yield "".join(map(_Level.step, levels))
            elif names is not None:
                names.add(name)
        # A string after one of these is a name if an object is open.
        is_name = token in b"{," and bool(levels) and levels[-1].names is not None


def _plain_name(token: bytes) -> bytes:
    """Return a name without its quotes and escapes."""
    return json.loads(token, strict=False).encode("utf-8", "surrogatepass") if b"\\" in token else token[1:-1]
