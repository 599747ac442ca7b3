"""What people have consented to, as their CDP told it apart from the changes that it is needed for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import cast

from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.exceptions import RedisError

from queues import keys, scripts
from queues.errors import Unavailable

#: How long after it was told last a consent is remembered, in ms (a year).
REMEMBERED_MS = 365 * 86_400_000

#: In the hash of a person, what stands for each other key of the person, in the place of a decision.
_ALSO = b""

#: By purpose: whether the person agrees, and since when (ms, of at most 13 digits).
State = Mapping[str, tuple[bool, int]]


async def remember(redis: AsyncRedis, connection: str, persons: Collection[str], state: State) -> None:
    """Remember a person's decisions, the newest of each purpose, under each of the person's keys.

    Raises Unavailable when not all of it was written down; the CDP then repeats the message.
    """
    told: list[str | bytes] = []
    for purpose, (agrees, at) in state.items():
        told += [purpose, f"{at:013d}{int(agrees)}"]
    script = redis.register_script(scripts.text("remember"))
    try:
        for person in persons:
            also = [part for other in persons if other != person for part in (other, _ALSO)]
            await script([keys.consents(connection, person)], [REMEMBERED_MS, *told, *also])
    except (RedisError, OSError) as fault:
        raise Unavailable from fault


def recall(redis: Redis, connection: str, people: Sequence[Iterable[str]]) -> list[list[State]]:
    """What is remembered under the person keys of each of these people. Raises redis.RedisError."""
    with redis.pipeline(transaction=False) as pipe:
        for persons in people:
            for person in persons:
                pipe.hgetall(keys.consents(connection, person))
        answers = iter(pipe.execute())
    return [[_state(next(answers)) for _ in persons] for persons in people]


def others(redis: Redis, connection: str, persons: Iterable[str]) -> set[str]:
    """The keys that people with these were told to have besides. Raises redis.RedisError."""
    found: set[str] = set()
    for person in persons:
        fields = cast("dict[bytes, bytes]", redis.hgetall(keys.consents(connection, person)))
        found |= {name.decode() for name, value in fields.items() if value == _ALSO}
    return found


def forget(redis: Redis, connection: str, persons: Iterable[str]) -> None:
    """Remember nothing of a person any more. Raises redis.RedisError."""
    for person in persons:
        redis.delete(keys.consents(connection, person))


def _state(fields: Mapping[bytes, bytes]) -> State:
    return {
        purpose.decode(): (value[13:] == b"1", int(value[:13])) for purpose, value in fields.items() if value != _ALSO
    }
