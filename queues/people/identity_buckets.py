"""The storage of people and identifiers: small Redis hashes, chosen by the first bits of a field's hash.

A field is a letter and the hash of a person or identifier (identities.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple, TypeVar, cast

from redis import Redis

from queues import keys, scripts
from queues.names import PARTITIONS

_BUCKETS: Final = 4_096
#: Fields read or written by one call, so that it blocks Redis briefly.
_AT_ONCE: Final = 1_000
Each = TypeVar("Each")


class FieldWrite(NamedTuple):
    """A field to write. `what`: `s` set it, `d` delete it, `a` add a token, `o` remove one (known.lua)."""

    field: bytes
    what: bytes
    operand: bytes = b""


def read(redis: Redis, connection: str, asked: Sequence[bytes]) -> list[bytes | None]:
    """Return the values of these fields, None for missing ones. Raises redis.RedisError."""
    parts = list(_parts(dict.fromkeys(asked), lambda field: field))
    with redis.pipeline(transaction=False) as pipe:
        for part in parts:
            scripts.queue_up(pipe, "recall", [_bucket(connection, field) for field in part], part)
        answers = cast("list[list[bytes | None]]", pipe.execute())
    found = {field: value for some in zip(parts, answers, strict=True) for field, value in zip(*some, strict=True)}
    return [found[field] for field in asked]


def fields(redis: Redis, connection: str, starts: tuple[bytes, ...]) -> list[bytes]:
    """Return the fields that begin with one of these: a letter and the same three bytes of a hash each.

    Raises redis.RedisError.
    """
    found = cast("list[bytes]", redis.hkeys(_bucket(connection, starts[0])))
    return [field for field in found if field.startswith(starts)]


def write(redis: Redis, connection: str, orders: Iterable[FieldWrite]) -> bool:
    """Write the fields; return False if memory is short, so that nothing new is kept. Raises redis.RedisError."""
    written = [
        scripts.run(
            redis,
            "known",
            [_bucket(connection, each.field) for each in part],
            [each.what + each.field + each.operand for each in part],
        )
        for part in _parts(orders, lambda each: each.field)
    ]
    return all(written)


def _parts(all_: Iterable[Each], field: Callable[[Each], bytes]) -> Iterator[list[Each]]:
    """Divide into calls of one partition each, keeping the order."""
    by_partition: dict[int, list[Each]] = {}
    for each in all_:
        by_partition.setdefault(field(each)[1] % PARTITIONS, []).append(each)
    for some in by_partition.values():
        yield from (some[start : start + _AT_ONCE] for start in range(0, len(some), _AT_ONCE))


def _bucket(connection: str, field: bytes) -> str:
    number = int.from_bytes(field[2:4]) % _BUCKETS
    return keys.partition(field[1] % PARTITIONS, f"id:{connection}:{number}")
