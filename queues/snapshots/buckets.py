"""The buckets of the membership ledger: their content, and which bucket a person is in. Pure."""

from __future__ import annotations

import string
import zlib
from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from queues.change import person_key

#: Can never change: members would not be found with another number of buckets.
BUCKETS: Final = 4_096
#: Identifiers by which Klaviyo knows a person, strongest first (identity.sending).
IDENTIFIERS: Final = ("email", "external_id", "phone_number")
# Not `str.lower`: it maps the Kelvin sign to an ASCII letter, and so two people's addresses to one.
_FOLD: Final = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
#: Minimum ms for which it is remembered that a single change removed a person (30 days).
GONE_MS: Final = 30 * 86_400_000
#: The time of a member who may be off the list: a snapshot that names the person adds them, others remove them.
PERHAPS: Final = -1
_LEVEL: Final = 1


class Member(NamedTuple):
    """A member. `at`: ms, the CDP's time of the change that put the person on the list; PERHAPS if that is uncertain.

    `digests`: of the delivered attributes.
    """

    at: int
    digests: bytes = b""


class Bucket(msgspec.Struct, array_like=True):
    """A bucket. `members`: by identity. `gone`: by `gone_key`, the ms at which a single change removed the person.

    `filled`: by `gone_key`, the fields of Klaviyo's that people had when they left, as hashes of their names, and when:
    a person who comes back without a value still has the old one.
    """

    members: dict[str, Member] = {}
    gone: dict[str, int] = {}
    filled: dict[str, tuple[int, bytes]] = {}


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Bucket).decode


def identity(identifiers: Mapping[str, str | None]) -> str | None:
    """Return the ledger's name of a person, the strongest identifier; None if there is none."""
    return next(iter(identities(identifiers)), None)


def identities(identifiers: Mapping[str, str | None]) -> list[str]:
    """Return all names that the ledger may use for a person, strongest first."""
    return [
        f"{name}:{_folded(value) if name == 'email' else value}"
        for name in IDENTIFIERS
        if (value := identifiers.get(name))
    ]


def _folded(email: str) -> str:
    return email.lower() if email.isascii() else email.translate(_FOLD)


def identifiers(member: str) -> dict[str, str]:
    """Return the identifier that `identity` used."""
    name, _, value = member.partition(":")
    return {name: value}


def gone_key(member: str) -> str:
    """Return the key of a person who left, which contains no address."""
    return person_key("member", member)


def bucket_of(member: str) -> int:
    """Return the number of a person's bucket, 0 to 4,095, from a hash that never changes."""
    return zlib.crc32(member.encode()) % BUCKETS


def load(stored: bytes | None) -> Bucket:
    """Return a bucket from its stored form; an empty one for None."""
    return _decode(zlib.decompress(stored)) if stored else Bucket()


def dump(bucket: Bucket) -> bytes:
    """Return the stored form; empty for an empty bucket."""
    return zlib.compress(_encode(bucket), _LEVEL) if bucket.members or bucket.gone or bucket.filled else b""


def tidied(bucket: Bucket, snapshot_at: int, now: int) -> Bucket:
    """Remove people gone for over 30 days, except those who left after the last snapshot (`snapshot_at`).

    The others are not needed: a snapshot older than the last one is not carried out. Times in ms.
    """
    gone = {key: at for key, at in bucket.gone.items() if at > snapshot_at or at > now - GONE_MS}
    filled = {key: left for key, left in bucket.filled.items() if left[0] > now - GONE_MS}
    return Bucket(bucket.members, gone, filled)
