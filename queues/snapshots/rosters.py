"""Who is on a Klaviyo list, kept between two looks at it: a big one takes longer to read than a worker may take."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from typing import Final, cast

import msgspec
from redis import Redis

from queues import keys

#: ms: what nobody goes on with is nobody's any more.
KEPT_MS: Final = 86_400_000
_LEVEL: Final = 1

#: What the membership ledger may know one person by, strongest first.
Identities = list[str]

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Identities]).decode


def add(redis: Redis, snapshot_id: str, people: Sequence[Identities]) -> None:
    """Keep some more people for the snapshot that is carried out. May be repeated: nobody is on a list twice."""
    key = keys.snapshot(snapshot_id, "roster")
    with redis.pipeline(transaction=True) as pipe:
        pipe.rpush(key, zlib.compress(_encode(people), _LEVEL))
        pipe.pexpire(key, KEPT_MS)
        pipe.execute()


def read(redis: Redis, snapshot_id: str) -> Iterator[list[Identities]]:
    """Everybody who was kept, as `add` was given them; a person perhaps more than once."""
    number = 0
    while piece := cast("bytes | None", redis.lindex(keys.snapshot(snapshot_id, "roster"), number)):
        yield _decode(zlib.decompress(piece))
        number += 1


def portions(redis: Redis, snapshot_id: str) -> int:
    """How many times `add` has kept somebody; 0 where that was too long ago."""
    return redis.llen(keys.snapshot(snapshot_id, "roster"))


def drop(redis: Redis, snapshot_id: str) -> None:
    """It is not needed any more."""
    redis.delete(keys.snapshot(snapshot_id, "roster"))
