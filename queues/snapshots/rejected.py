"""The rows of a snapshot that cannot be sent: their numbers by reason, without anything of the people in them."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import Final, cast

import msgspec
from redis import Redis

from queues import keys
from queues.snapshots.records import RECORD_MS

_PART: Final = "rejected"
_decode = msgspec.msgpack.Decoder(dict[str, list[int]]).decode


def keep(redis: Redis, snapshot_id: str, rows: Mapping[str, Sequence[int]]) -> None:
    """Keep the numbers of rows by reason as long as the record of the snapshot. May be repeated."""
    if rows:
        redis.set(keys.snapshot(snapshot_id, _PART), zlib.compress(msgspec.msgpack.encode(rows)), px=RECORD_MS)


def read(redis: Redis, snapshot_id: str) -> dict[str, list[int]]:
    """Return the numbers of rows by reason; empty when all rows were sent or the snapshot is unknown."""
    stored = cast("bytes | None", redis.get(keys.snapshot(snapshot_id, _PART)))
    return _decode(zlib.decompress(stored)) if stored else {}
