"""The consents of people, which their CDP sends separately from the changes that need them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import cast

from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.exceptions import RedisError

from queues import keys, scripts
from queues.errors import Unavailable

#: ms for which a consent is remembered after it was last received (a year).
REMEMBERED_MS = 365 * 86_400_000

#: The value that marks a field of a person's hash as another key of the person, not a decision.
_ALSO = b""

#: Purpose -> whether the person agrees, and since when (ms, at most 13 digits).
State = Mapping[str, tuple[bool, int]]


async def remember(redis: AsyncRedis, connection: str, persons: Collection[str], state: State) -> None:
    """Remember a person's decisions, the newest of each purpose, under each of the person's keys.

    Raises Unavailable when not all of it was written; the CDP then repeats the message.
    """
    decisions: list[str | bytes] = []
    for purpose, (agrees, at) in state.items():
        decisions += [purpose, f"{at:013d}{int(agrees)}"]
    try:
        for person in persons:
            also = [part for other in persons if other != person for part in (other, _ALSO)]
            script_keys = [keys.consents(connection, person)]
            await scripts.run_async(redis, "remember", script_keys, [REMEMBERED_MS, *decisions, *also])
    except (RedisError, OSError) as fault:
        raise Unavailable from fault


def bind(redis: Redis, connection: str, people: Sequence[Sequence[str]]) -> None:
    """Assign the consents sent under another key alone to the first person who is sent with that key, permanently.

    `people`: the person keys of each; the first key names the person. Raises redis.RedisError.
    """
    wanted = [(keys.consents(connection, other), name) for name, *others in people for other in others]
    with redis.pipeline(transaction=False) as pipe:
        for key, _ in wanted:
            pipe.exists(key)
        # Most people have no consents under another key, so the script runs only for those who do.
        for (key, name), there in zip(wanted, pipe.execute(), strict=True):
            if there:
                scripts.queue_up(pipe, "bind", [key], [name])
        pipe.execute()


def recall(redis: Redis, connection: str, people: Sequence[Iterable[str]]) -> list[list[State]]:
    """Return the consents under the person keys of each of these people; the first key names the person.

    Consents under another key, such as a CDP's id, that came together with a key that is not the person's belong to
    another person: the id may have had another e-mail then. Raises redis.RedisError.
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
    """Delete the consents of a person. Raises redis.RedisError.

    `names`: keys of the person's e-mails; `others`: keys of identifiers that only this person has. Consents under
    another key that came together with an e-mail are deleted too, unless they also belong to another person.
    """
    ours, more = {*names, *others}, set[str]()
    for name in names:
        more |= _also(redis, connection, name)
    # The keys that lead to the others are deleted last.
    for key in more - ours:
        if _also(redis, connection, key) <= ours | more:
            redis.delete(keys.consents(connection, key))
    for key in ours:
        redis.delete(keys.consents(connection, key))


def _also(redis: Redis, connection: str, person: str) -> set[str]:
    """Return the other keys that came together with the decisions under a key."""
    fields = cast("dict[bytes, bytes]", redis.hgetall(keys.consents(connection, person)))
    return {name.decode() for name, value in fields.items() if value == _ALSO}


def _state(fields: Mapping[bytes, bytes]) -> State:
    return {
        purpose.decode(): (value[13:] == b"1", int(value[:13])) for purpose, value in fields.items() if value != _ALSO
    }
