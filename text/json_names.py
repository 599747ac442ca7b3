"""Names of JSON objects: which stand twice, which are unknown, and how they are shown.

A module beside the rooms, because intake, snapshots and console read JSON and none may import another.
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

#: What is wrong with a name that an object has more than once (RFC 8259, 4); a proxy may have read the other value.
TWICE: Final = "stands there twice, and JSON does not say which counts"

#: A name that is surely neither an address nor a phone number, and that no terminal takes for a command.
_PLAIN: Final = re.compile(r"(?!(?:\D*\d){7})[\w$-]{1,64}", re.ASCII)
#: How alike two names are of which one may be meant for the other: `exclusion` and `exclusions`, not `at` and `name`.
_ALIKE: Final = 0.6
#: The same where nothing else speaks for a mistake: `emial` and `email`, not `location` and `action`.
_SURELY: Final = 0.8

_decode = msgspec.json.Decoder().decode
_members = msgspec.json.Decoder(dict[str, Raw]).decode
_encode = msgspec.json.Encoder().encode


class _Object(list[tuple[str, Any]]):
    """The members of an object, in their order, none of them lost."""


def twice(text: bytes | Raw, apart: Collection[str] = ()) -> list[str]:
    """The places of names that their object has more than once, at any depth: `.audience.id`, `.members[3].email`.

    `text`: JSON that was found well-formed. `apart`: names of a top-level object whose values are not looked at,
    because each of their items is read by itself later. Raises RecursionError where it is nested beyond reading, and
    ValueError where it is no JSON.
    """
    raw = _without(bytes(text), apart) if apart else bytes(text)
    if _has_every_name_once(raw):
        return []
    return list(_twice(json.loads(raw, object_pairs_hook=_Object, parse_float=str, parse_int=str)))


def shown(name: str) -> str:
    """A name as a message may show it: one that may be somebody's address or number is not repeated."""
    return name if _PLAIN.fullmatch(name) else f"(a name of {len(name):,} characters)"


def meant(name: str, known: Collection[str]) -> str:
    """The known name that an unknown one is near to; empty where there is none."""
    return next(iter(get_close_matches(name.lower(), known, 1, _ALIKE)), "")


def unknown(name: str, known: Collection[str]) -> str:
    """What to say of an unknown name: `exclusion: unknown; is exclusions meant?`, or which names are known."""
    if near := meant(name, known):
        return f"{shown(name)}: unknown; is {near} meant?"
    others = f"known are {', '.join(known)}" if known else "none is known here"
    return f"{shown(name)}: unknown; {others}"


def mistaken(text: bytes | Raw, known: tuple[str, ...], elsewhere: Collection[str] = ()) -> str:
    """What to say of the first unknown name of an object that was surely meant for a known one; empty where none was.

    Others are ignored, as of a sender that tells more than is read. `elsewhere`: names that are known in another place
    and would decide something there.
    """
    # Longer names are too long to be as alike as that, and are not kept by the cache.
    longest = max(map(len, known)) * (2 / _SURELY - 1)
    for name in _members(bytes(text)):
        if name not in known and (name in elsewhere or (len(name) <= longest and _is_near(name, known))):
            return unknown(name, known)
    return ""


@lru_cache(1_000)
def _is_near(name: str, known: tuple[str, ...]) -> bool:
    """Whether the name was surely meant for a known one; asked again and again, for changes of one sender are alike."""
    return bool(get_close_matches(name.lower(), known, 1, _SURELY))


def _without(text: bytes, apart: Collection[str]) -> bytes:
    """The object without the values of these names; as it is where one of its own names stands twice."""
    members = _members(text)
    if not _says_as_much(_encode(members), text):
        return text
    return _encode({name: value for name, value in members.items() if name not in apart})


def _has_every_name_once(text: bytes) -> bool:
    """Whether nothing is lost in reading, which is far quicker than to look at every name.

    Of a name that stands twice a dictionary keeps one value, and what is written from it is short of a name. False,
    too, for what can be read in another way only, such as a number of 30 digits.
    """
    try:
        return _says_as_much(_encode(_decode(text)), text)
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError):
        return False


def _says_as_much(written: bytes, text: bytes) -> bool:
    """Whether two spellings of a document have equally many names and texts. Most senders write as we do."""
    return written == text or _texts(written) == _texts(text)


def _texts(text: bytes) -> int:
    """How many quotes begin or end a text: two for each name and each text among the values."""
    if b"\\" in text:
        text = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    return text.count(b'"')


def _twice(document: Any) -> Iterator[str]:
    """Without recursion, for the document may be nested as deeply as the parser goes."""
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
