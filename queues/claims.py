"""Claims: an identifier is sent by one open batch for one person at a time, in all queues of a connection."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final, cast

from redis import Redis

from queues import keys, scripts

#: Identifiers claimed by one call, so that nobody waits for it long.
_AT_ONCE: Final = 1_000


def claim(redis: Redis, connection: str, batch_id: str, wanted: Mapping[bytes, bytes]) -> set[bytes]:
    """Claim identifiers for people of a batch; those that another open batch holds for somebody else.

    `wanted`: hash of an identifier -> hash of the person (identities.py), 8 bytes each. A claim of a batch that is over
    is void: its worker died between the end of the batch and `release`. Raises redis.RedisError.
    """
    refused = _claim(redis, connection, batch_id, wanted, ())
    over = {name for holders in refused.values() for name in holders if not redis.exists(keys.batch(name))}
    if over:
        refused = _claim(redis, connection, batch_id, {each: wanted[each] for each in refused}, over)
    return set(refused)


def _claim(
    redis: Redis, connection: str, batch_id: str, wanted: Mapping[bytes, bytes], over: Collection[str]
) -> dict[bytes, list[str]]:
    refused: dict[bytes, list[str]] = {}
    pairs = list(wanted.items())
    for start in range(0, len(pairs), _AT_ONCE):
        part = pairs[start : start + _AT_ONCE]
        args = [batch_id, " ".join(over), *(value for pair in part for value in pair)]
        answers = cast("list[bytes]", scripts.run(redis, "claim", _keys(connection, batch_id), args))
        refused |= {name: answer.decode().split() for (name, _), answer in zip(part, answers, strict=True) if answer}
    return refused


def release(redis: Redis, connection: str, batch_id: str) -> None:
    """The batch is over. Raises redis.RedisError."""
    while scripts.run(redis, "unclaim", _keys(connection, batch_id), [batch_id]):
        pass


def _keys(connection: str, batch_id: str) -> list[str]:
    return [keys.claims(connection), keys.claims(connection, batch_id)]
