"""The members read from a Klaviyo list, kept between jobs: reading a big list takes longer than one job may."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from typing import Final, cast

import msgspec
from redis import Redis

from queues import keys

#: ms after which a roster that is not continued expires.
KEPT_MS: Final = 86_400_000
_LEVEL: Final = 1

#: The names that the membership ledger may use for one person, strongest first.
Identities = list[str]

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Identities]).decode


def add(redis: Redis, snapshot_id: str, people: Sequence[Identities]) -> None:
    """Add people to the roster of the snapshot that is carried out. May be repeated: duplicates do no harm."""
    key = keys.snapshot(snapshot_id, "roster")
    with redis.pipeline(transaction=True) as pipe:
        pipe.rpush(key, zlib.compress(_encode(people), _LEVEL))
        pipe.pexpire(key, KEPT_MS)
        pipe.execute()


def read(redis: Redis, snapshot_id: str) -> Iterator[list[Identities]]:
    """Yield the portions given to `add`; a person may appear more than once."""
    number = 0
    while piece := cast("bytes | None", redis.lindex(keys.snapshot(snapshot_id, "roster"), number)):
        yield _decode(zlib.decompress(piece))
        number += 1


def portions(redis: Redis, snapshot_id: str) -> int:
    """Return the number of portions added; 0 if the roster has expired."""
    return redis.llen(keys.snapshot(snapshot_id, "roster"))


def drop(redis: Redis, snapshot_id: str) -> None:
    """Delete a roster that is no longer needed."""
    redis.delete(keys.snapshot(snapshot_id, "roster"))
