"""What people have consented to, as their CDP told it apart from the changes that it is needed for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
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


def bind(redis: Redis, connection: str, people: Sequence[Sequence[str]]) -> None:
    """What was told under another key alone is the first person's who comes with it, and nobody else's after that.

    `people`: the person keys of each; the first key names the person. Raises redis.RedisError.
    """
    wanted = [(keys.consents(connection, other), name) for name, *others in people for other in others]
    with redis.pipeline(transaction=False) as pipe:
        for key, _ in wanted:
            pipe.exists(key)
        # Of most people nothing was told under another key: the script goes to the others only.
        for (key, name), there in zip(wanted, pipe.execute(), strict=True):
            if there:
                scripts.queue_up(pipe, "bind", [key], [name])
        pipe.execute()


def recall(redis: Redis, connection: str, people: Sequence[Iterable[str]]) -> list[list[State]]:
    """What is remembered under the person keys of each of these people; the first key names the person.

    What was told under another key, such as a CDP's id, together with a key that is not the person's, was told of
    somebody else: an id may have had another e-mail then. Raises redis.RedisError.
    """
    with redis.pipeline(transaction=False) as pipe:
        for persons in people:
            for person in persons:
                pipe.hgetall(keys.consents(connection, person))
        answers = iter(pipe.execute())
    return [list(_states([*persons], answers)) for persons in people]


def _states(persons: Sequence[str], answers: Iterator[Mapping[bytes, bytes]]) -> Iterator[State]:
    for place, _ in enumerate(persons):
        fields = next(answers)
        also = {name.decode() for name, value in fields.items() if value == _ALSO}
        if place == 0 or also <= {*persons}:
            yield _state(fields)


def forget(redis: Redis, connection: str, names: Collection[str], others: Collection[str]) -> None:
    """Remember nothing of a person any more. Raises redis.RedisError.

    `names`: keys of the person's e-mails, `others`: of identifiers that are nobody else's. What was told under another
    key together with an e-mail goes, too, unless it was told of somebody else as well.
    """
    ours, more = {*names, *others}, set[str]()
    for name in names:
        more |= _also(redis, connection, name)
    # What leads to the others goes last.
    for key in more - ours:
        if _also(redis, connection, key) <= ours | more:
            redis.delete(keys.consents(connection, key))
    for key in ours:
        redis.delete(keys.consents(connection, key))


def _also(redis: Redis, connection: str, person: str) -> set[str]:
    """The other keys with which decisions were told under a key."""
    fields = cast("dict[bytes, bytes]", redis.hgetall(keys.consents(connection, person)))
    return {name.decode() for name, value in fields.items() if value == _ALSO}


def _state(fields: Mapping[bytes, bytes]) -> State:
    return {
        purpose.decode(): (value[13:] == b"1", int(value[:13])) for purpose, value in fields.items() if value != _ALSO
    }
