"""The storage of people and identifiers: small Redis hashes, chosen by the first bits of a field's hash.

A field is a letter and the hash of a person or identifier (identities.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple, cast

from redis import Redis

from queues import keys, scripts
from queues.names import PARTITIONS, by_partition

_BUCKETS: Final = 4_096
#: Fields read or written by one call, so that it blocks Redis briefly.
_AT_ONCE: Final = 1_000


class FieldWrite(NamedTuple):
    """A field to write. `what`: `s` set it, `d` delete it, `a` add a token, `o` remove one (known.lua)."""

    field: bytes
    what: bytes
    operand: bytes = b""


def read(redis: Redis, connection: str, asked: Sequence[bytes]) -> list[bytes | None]:
    """Return the values of these fields, None for missing ones. Raises redis.RedisError."""
    parts = [part for _, part in by_partition(dict.fromkeys(asked), _partition, _AT_ONCE)]
    buckets = _Buckets(connection)
    calls = [([buckets[field[1:4]] for field in part], part) for part in parts]
    answers: list[list[bytes | None]] = scripts.run_each(redis, "recall", calls)
    found = {field: value for some in zip(parts, answers, strict=True) for field, value in zip(*some, strict=True)}
    return [found[field] for field in asked]


def fields(redis: Redis, connection: str, starts: tuple[bytes, ...]) -> list[bytes]:
    """Return the fields that begin with one of these: a letter and the same three bytes of a hash each.

    Raises redis.RedisError.
    """
    found = cast("list[bytes]", redis.hkeys(_bucket(connection, starts[0])))
    return [field for field in found if field.startswith(starts)]


def write(redis: Redis, connection: str, orders: Iterable[FieldWrite]) -> bool:
    """Write the fields; return False if memory is short, so that nothing new is kept. Raises redis.RedisError.

    One round trip, although a batch of a hundred people has fields in every partition.
    """
    parts = [part for _, part in by_partition(orders, lambda each: _partition(each.field), _AT_ONCE)]
    buckets = _Buckets(connection)
    calls = [
        ([buckets[each.field[1:4]] for each in part], [each.what + each.field + each.operand for each in part])
        for part in parts
    ]
    return all(scripts.run_each(redis, "known", calls))


def _partition(field: bytes) -> int:
    return field[1] % PARTITIONS


def _bucket(connection: str, field: bytes) -> str:
    return _Buckets(connection)[field[1:4]]


class _Buckets(dict[bytes, str]):
    """The keys of the buckets by the first three bytes of a hash; each key is made once for all fields of the hash."""

    def __init__(self, connection: str) -> None:
        self._connection = connection

    def __missing__(self, start: bytes) -> str:
        number = int.from_bytes(start[1:]) % _BUCKETS
        key = self[start] = keys.partition(start[0] % PARTITIONS, f"id:{self._connection}:{number}")
        return key
