"""A change as the ledger stores it.

The stored form is a header that the Lua scripts read, then JSON that only Python reads:

    1 digit    n, the number of person keys
    13 digits  ms at which the change was accepted
    n * 16     person keys
    rest       JSON array: action, CDP timestamp in ms, source, message id, the CDP's own fragment of the person

The fragment is kept as it came, not mapped, so that a mapping can be corrected and the change delivered again.
"""

from __future__ import annotations

import hashlib
from binascii import b2a_base64
from typing import Literal

import msgspec

Action = Literal["add", "remove", "update", "event", "subscribe", "unsubscribe", "erase", "replace"]
_KEY = 16
_TIME = 13
_HEADER = 1 + _TIME


class Body(msgspec.Struct, frozen=True, array_like=True):
    """What Python reads of a stored change. `source` tells `mappings.sources.read` how to read `person`."""

    action: Action
    at: int
    source: str
    message: str
    person: msgspec.Raw


class Change(msgspec.Struct, frozen=True):
    """A stored change, taken apart."""

    keys: tuple[str, ...]
    accepted_at: int
    body: Body


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Body)


def person_key(kind: str, value: str) -> str:
    """16 characters that stand for one identity of a person, such as ("email", "a@b.c").

    96 bits: two persons share a key once in 10^11 queues of a million. Case is folded and space trimmed, because
    Klaviyo and the CDPs hold addresses that differ only so to be one person.
    """
    text = f"{kind}:{value.strip().lower()}".encode("utf-8", "surrogatepass")
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
    """The stored form. `keys`: 1 to 9 person keys; changes that share one are kept in order."""
    if not 1 <= len(keys) <= 9:
        raise ValueError(f"a change has 1 to 9 person keys, not {len(keys)}")
    return f"{len(keys)}{accepted_at:013d}{''.join(keys)}".encode() + _encoder.encode(body)


def decode(stored: bytes) -> Change:
    """Take a stored change apart."""
    end = _HEADER + int(stored[:1]) * _KEY
    header = stored[:end].decode()
    keys = tuple(header[i : i + _KEY] for i in range(_HEADER, end, _KEY))
    return Change(keys, int(header[1:_HEADER]), _decoder.decode(stored[end:]))
