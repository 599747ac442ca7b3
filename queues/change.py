"""A change as the ledger stores it.

The stored form is a header that the Lua scripts read, then JSON that only Python reads:

    1 digit    n, the number of person keys
    13 digits  ms at which the change was accepted
    n * 16     person keys
    rest       JSON array: action, CDP timestamp in ms, source, message id, the CDP's own fragment of the person, and
               true where it was a dead letter that was replayed

The fragment is kept unchanged, not mapped, so that a mapping can be corrected and the change delivered again.

The person keys also say who a change belongs to. Pure.

The first key names the person: the e-mail or, without one, the strongest identifier. The others keep changes that
share an identifier in order, and may belong to other people too.
"""

from __future__ import annotations

import hashlib
from binascii import b2a_base64
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Final, Literal

import msgspec

#: Returns whether a change with these person keys is selected.
Ours = Callable[[Sequence[str]], bool]
Action = Literal["add", "remove", "update", "event", "subscribe", "unsubscribe", "erase", "replace"]
#: The source of a change in an open batch that an erasure has blanked.
_ERASED = "erased"
_KEY = 16
_TIME = 13
_HEADER = 1 + _TIME
_encoder = msgspec.json.Encoder()
#: The hash of no text. A copy takes half as long as a new one.
_NO_KEY: Final = hashlib.blake2b(digest_size=12)


class Body(msgspec.Struct, frozen=True, array_like=True):
    """The part of a stored change that only Python reads. `source` tells `mappings.sources.read` how to read `person`.

    `replayed`: it was a dead letter, so its time is not its time of arrival.
    """

    action: Action
    at: int
    source: str
    message: str
    person: msgspec.Raw
    replayed: bool = False


class Change(msgspec.Struct, frozen=True):
    """A decoded change."""

    keys: tuple[str, ...]
    accepted_at: int
    body: Body


_decoder = msgspec.json.Decoder(Body)


def person_key(kind: str, value: str) -> str:
    """Return 16 characters that stand for one identity of a person, such as ("email", "a@b.c").

    96 bits: two people share a key once in 10^11 queues of a million. `value`: in its canonical form (identity); ids
    that differ in case belong to different people.
    """
    key = _NO_KEY.copy()
    key.update(f"{kind}:{value}".encode("utf-8", "surrogatepass"))
    return b2a_base64(key.digest(), newline=False).decode()


def nobody_key(place: str) -> str:
    """Return a key for a change of an unknown person, in place of a person key. `place`: makes it unique.

    It begins with `!`, as no person key does.
    """
    return f"!{person_key('nobody', place)[1:]}"


def is_nobody(key: str) -> bool:
    """Return whether a key was made by `nobody_key`."""
    return key.startswith("!")


def encode(keys: tuple[str, ...], accepted_at: int, body: Body) -> bytes:
    """Return the stored form.

    `keys`: 1 to 9 person keys, the first of which names the person; changes that share a key are kept in order. Raises
    ValueError for any other number.
    """
    if not 1 <= len(keys) <= 9:
        raise ValueError(f"a change has 1 to 9 person keys, not {len(keys)}")
    fields = (body.action, body.at, body.source, body.message, body.person, *([True] if body.replayed else []))
    return f"{len(keys)}{accepted_at:013d}{''.join(keys)}".encode() + _encoder.encode(fields)


def decode(stored: bytes) -> Change:
    """Decode a stored change."""
    end = _HEADER + int(stored[:1]) * _KEY
    header = stored[:end].decode()
    keys = tuple(header[i : i + _KEY] for i in range(_HEADER, end, _KEY))
    return Change(keys, int(header[1:_HEADER]), _decoder.decode(stored[end:]))


def blank(change: Change) -> bytes:
    """Return the stored form of a change that an erasure reduces to its keys, so that its batch can still be settled.

    An older worker takes it for a change of an unknown source without a person.
    """
    body = Body("update", change.body.at, _ERASED, "", msgspec.Raw(b"{}"))
    return encode(change.keys, change.accepted_at, body)


def is_blank(change: Change) -> bool:
    """Return whether an erasure has reduced the change to its keys."""
    return change.body.source == _ERASED


def whose(persons: Collection[str]) -> Ours:
    """Select changes by the key that names the person."""
    wanted = frozenset(persons)
    return lambda keys: keys[0] in wanted


def carrying(persons: Collection[str]) -> Ours:
    """Select changes by any of their keys, for a lookup of one identifier."""
    wanted = frozenset(persons)
    return lambda keys: not wanted.isdisjoint(keys)


def names(asked: Collection[str], carried: Iterable[Sequence[str]]) -> frozenset[str]:
    """Return the names of the people whom the keys `asked` lead to. `carried`: keys of the changes with one of them.

    This is one step and not a chain: people who share an identifier only with one of the people found are not included.
    """
    wanted = frozenset(asked)
    found = set(wanted)
    for keys in carried:
        found |= {*keys} if keys[0] in wanted else {keys[0]}
    return frozenset(found)
