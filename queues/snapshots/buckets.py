"""What the membership ledger holds in a bucket, and which bucket a person is in. Pure."""

from __future__ import annotations

import string
import zlib
from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from queues.change import person_key

#: Fixed for ever: members would not be found in another number of buckets.
BUCKETS: Final = 4_096
#: Identifiers by which Klaviyo knows a person, strongest first (identity.sending).
IDENTIFIERS: Final = ("email", "external_id", "phone_number")
# Not `str.lower`: it makes an ASCII letter of the Kelvin sign, and so one address of two people's.
_FOLD: Final = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
#: ms for which it is remembered at least that somebody left by a single change (30 days).
GONE_MS: Final = 30 * 86_400_000
#: The time of a member who may as well be off the list: a snapshot that names them puts them on, others take them off.
PERHAPS: Final = -1
_LEVEL: Final = 1


class Member(NamedTuple):
    """`at`: ms, the CDP's time of the change that put the person on the list; PERHAPS where it is not known whether one
    did. `digests`: of attributes delivered.
    """

    at: int
    digests: bytes = b""


class Bucket(msgspec.Struct, array_like=True):
    """`members`: by identity. `gone`: by `gone_key`, the ms at which a single change took the person off."""

    members: dict[str, Member] = {}
    gone: dict[str, int] = {}


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Bucket).decode


def identity(identifiers: Mapping[str, str | None]) -> str | None:
    """How the ledger names a person: the strongest of the identifiers by Klaviyo's names; None where there is none."""
    return next(iter(identities(identifiers)), None)


def identities(identifiers: Mapping[str, str | None]) -> list[str]:
    """All by which the ledger may name a person, strongest first."""
    known = ((name, identifiers.get(name)) for name in IDENTIFIERS)
    return [f"{name}:{value.translate(_FOLD) if name == 'email' else value}" for name, value in known if value]


def identifiers(member: str) -> dict[str, str]:
    """What `identity` was made of."""
    name, _, value = member.partition(":")
    return {name: value}


def gone_key(member: str) -> str:
    """By what a person who left is kept, so that nobody's address stays."""
    return person_key("member", member)


def bucket_of(member: str) -> int:
    """0 to 4,095, from a hash that never changes."""
    return zlib.crc32(member.encode()) % BUCKETS


def load(stored: bytes | None) -> Bucket:
    """A bucket from its stored form; an empty one where there is none."""
    return _decode(zlib.decompress(stored)) if stored else Bucket()


def dump(bucket: Bucket) -> bytes:
    """The stored form; empty for a bucket with nothing in it."""
    return zlib.compress(_encode(bucket), _LEVEL) if bucket.members or bucket.gone else b""


def tidied(bucket: Bucket, snapshot_at: int, now: int) -> Bucket:
    """Without those gone for more than 30 days, unless they left after the last snapshot, whose time is `snapshot_at`.

    Nobody else needs them: a snapshot that is older than the last one is not carried out. Times in ms.
    """
    gone = {key: at for key, at in bucket.gone.items() if at > snapshot_at or at > now - GONE_MS}
    return Bucket(bucket.members, gone)
