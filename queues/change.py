"""A change as the ledger stores it.

The stored form is a header that the Lua scripts read, then JSON that only Python reads:

    1 digit    n, the number of person keys
    13 digits  ms at which the change was accepted
    n * 16     person keys
    rest       JSON array: action, CDP timestamp in ms, source, message id, the CDP's own fragment of the person, and
               true where it was a dead letter that was replayed

The fragment is kept as it came, not mapped, so that a mapping can be corrected and the change delivered again.

Whose a change is, by its person keys. Pure.

The first key names the person: the e-mail, or, without one, the strongest identifier. The others keep the order of
changes that share an identifier, and may be other people's, too.
"""

from __future__ import annotations

import hashlib
from binascii import b2a_base64
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Literal

import msgspec

#: Whether a change with these person keys is meant.
Ours = Callable[[Sequence[str]], bool]
Action = Literal["add", "remove", "update", "event", "subscribe", "unsubscribe", "erase", "replace"]
#: The source of what an erasure has left of a change in an open batch.
_ERASED = "erased"
_KEY = 16
_TIME = 13
_HEADER = 1 + _TIME


class Body(msgspec.Struct, frozen=True, array_like=True):
    """What Python reads of a stored change. `source` tells `mappings.sources.read` how to read `person`.

    `replayed`: it was a dead letter, so that its time says nothing of when it came.
    """

    action: Action
    at: int
    source: str
    message: str
    person: msgspec.Raw
    replayed: bool = False


class Change(msgspec.Struct, frozen=True):
    """A stored change, taken apart."""

    keys: tuple[str, ...]
    accepted_at: int
    body: Body


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Body)


def person_key(kind: str, value: str) -> str:
    """16 characters that stand for one identity of a person, such as ("email", "a@b.c").

    96 bits: two persons share a key once in 10^11 queues of a million. `value`: in its canonical form (identity), for
    ids that differ in case are two people's.
    """
    text = f"{kind}:{value}".encode("utf-8", "surrogatepass")
    return b2a_base64(hashlib.blake2b(text, digest_size=12).digest(), newline=False).decode()


def nobody_key(place: str) -> str:
    """A key for a change of which nobody knows whose it is, in the place of a person key; `place`: by which it differs.

    No person key starts as it does.
    """
    return f"!{person_key('nobody', place)[1:]}"


def is_nobody(key: str) -> bool:
    """Whether a key was made by `nobody_key`."""
    return key.startswith("!")


def encode(keys: tuple[str, ...], accepted_at: int, body: Body) -> bytes:
    """The stored form.

    `keys`: 1 to 9 person keys; changes that share one are kept in order, the first one names the person.
    """
    if not 1 <= len(keys) <= 9:
        raise ValueError(f"a change has 1 to 9 person keys, not {len(keys)}")
    told = (body.action, body.at, body.source, body.message, body.person, *([True] if body.replayed else []))
    return f"{len(keys)}{accepted_at:013d}{''.join(keys)}".encode() + _encoder.encode(told)


def decode(stored: bytes) -> Change:
    """Take a stored change apart."""
    end = _HEADER + int(stored[:1]) * _KEY
    header = stored[:end].decode()
    keys = tuple(header[i : i + _KEY] for i in range(_HEADER, end, _KEY))
    return Change(keys, int(header[1:_HEADER]), _decoder.decode(stored[end:]))


def blank(change: Change) -> bytes:
    """The stored form of a change of which an erasure leaves the keys only, so that its batch can end as it began.

    An older worker takes it for a change of a source that it does not know, and of nobody.
    """
    body = Body("update", change.body.at, _ERASED, "", msgspec.Raw(b"{}"))
    return encode(change.keys, change.accepted_at, body)


def is_blank(change: Change) -> bool:
    """Whether an erasure has left nothing of the change but its keys."""
    return change.body.source == _ERASED


def whose(persons: Collection[str]) -> Ours:
    """By the names of the person."""
    wanted = frozenset(persons)
    return lambda keys: keys[0] in wanted


def carrying(persons: Collection[str]) -> Ours:
    """By any identifier: for somebody who asks about one."""
    wanted = frozenset(persons)
    return lambda keys: not wanted.isdisjoint(keys)


def names(asked: Collection[str], carried: Iterable[Sequence[str]]) -> frozenset[str]:
    """The names of the people whom the keys `asked` lead to. `carried`: the keys of the changes that carry one of them.

    One step and no chain: who shares an identifier with somebody else of these is not among them.
    """
    wanted = frozenset(asked)
    found = set(wanted)
    for keys in carried:
        found |= {*keys} if keys[0] in wanted else {keys[0]}
    return frozenset(found)
