"""Which audience's queue keeps a list: if two did, each would take off whom the other has put on it.

A list is known by its id alone, without the account: Klaviyo's sign-up forms send nothing but the list's id
(manage.kmail-lists.com/subscriptions/subscribe?g=<list>), so no two accounts share one. An exchanged key therefore
forgets no keeper, and two connections that lead to one account, by one key or by two, do not fight over its lists.

A list is given up without a look at this hash: the keeper's own hash says whether it still keeps it (`keeps`), and
whether its CDP has disconnected the audience.

Claims: an identifier is sent by one open batch for one person at a time, in all queues of a connection.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, cast

import msgspec
from redis import Redis
from redis.exceptions import LockError
from redis.lock import Lock

from queues import keys, pending, scripts
from queues.names import Queue

#: Reason of a hold on a queue that resolves to a list which another one keeps.
LIST_OWNED: Final = "list_owned"
_FIELDS: Final = ("keeps", "shares", "list_id", "list_name", "delivered", "audience")


@dataclass(frozen=True, slots=True)
class KnownList:
    """What the ledger knows of a queue and its list. `audience`: what the CDP said of it.

    `keeps`: the list that it keeps, or would if it were the first. `shares`: one that it may share. `list_id`,
    `list_name`: which list was found for it, under which name. `delivered`: changes.
    """

    keeps: str | None
    shares: str | None
    list_id: str | None
    list_name: str
    delivered: int
    audience: dict[str, Any]

    @property
    def is_disconnected(self) -> bool:
        """Whether the CDP said last that the audience is disconnected (mParticle: audience_subscription_request)."""
        return self.audience.get("action") == "remove"


class Shared(NamedTuple):
    """A list that `keeper` keeps and `queue` may use."""

    list_id: str
    keeper: Queue
    queue: Queue


def own(redis: Redis, queue: Queue, list_id: str) -> Queue:
    """Keep a list for this queue, and give up the one it kept before; the queue that keeps it, which may be another."""
    redis.hset(keys.queue(queue), "keeps", list_id)
    gone = ""
    while True:
        found = Queue.parse(scripts.run(redis, "own", [keys.OWNERS], [list_id, str(queue), gone]).decode())
        if found == queue or _keeps(redis, found, list_id):
            return found
        gone = str(found)


def keeper(redis: Redis, list_id: str) -> Queue | None:
    """The queue that keeps a list."""
    found = cast("bytes | None", redis.hget(keys.OWNERS, list_id))
    queue = Queue.parse(found.decode()) if found else None
    return queue if queue and _keeps(redis, queue, list_id) else None


def give_up(redis: Redis, queue: Queue) -> None:
    """The queue keeps no list any more, and shares none."""
    redis.hdel(keys.queue(queue), "keeps", "shares")


def remember_list(redis: Redis, queue: Queue, list_id: str, name: str) -> None:
    """The list that was found for a queue, under the name by which it was looked for."""
    redis.hset(keys.queue(queue), mapping={"list_id": list_id, "list_name": name})


def remembered_list(redis: Redis, queue: Queue) -> tuple[str | None, str]:
    """The list that was found for a queue, None where none was, and under which name."""
    list_id, name = cast("list[bytes | None]", redis.hmget(keys.queue(queue), "list_id", "list_name"))
    return list_id.decode() if list_id else None, (name or b"").decode()


def forget_list(redis: Redis, queue: Queue) -> None:
    """The list that was found is gone; the queue keeps none any more."""
    redis.hdel(keys.queue(queue), "list_id", "list_name")
    give_up(redis, queue)


def lock_list(redis: Redis, digest: str, lasts_ms: int) -> Lock | None:
    """Let this worker alone look for a list, and create it; None where another one does so now.

    `digest`: of the list's name and the account's key.
    """
    lock = redis.lock(keys.list_lock(digest), timeout=lasts_ms / 1000, blocking=False)
    return lock if lock.acquire() else None


def unlock_list(lock: Lock) -> bool:
    """Let others look for it; False when the lock ran out before."""
    try:
        lock.release()
    except LockError:
        return False
    return True


def share(redis: Redis, queue: Queue, list_id: str) -> None:
    """From now on the queue may use this list, whichever keeps it."""
    redis.hset(keys.queue(queue), "shares", list_id)


def may_share(redis: Redis, queue: Queue, list_id: str) -> bool:
    """Whether somebody said so."""
    return redis.hget(keys.queue(queue), "shares") == list_id.encode()


def shared(redis: Redis) -> list[Shared]:
    """Every list that two queues use because somebody said so, or did so before lists had owners."""
    queues = pending.all_queues(redis)
    asked = [(found.shares, queue) for queue, found in zip(queues, known(redis, queues), strict=True) if found.shares]
    pairs = [(list_id, keeper(redis, list_id), queue) for list_id, queue in asked]
    return [Shared(list_id, keeps, queue) for list_id, keeps, queue in pairs if keeps and keeps != queue]


def are_kept(redis: Redis) -> bool:
    """Whether the lists of this installation have owners already; it may come from a Ferry that knew of none."""
    return bool(redis.exists(keys.OWNERS_SINCE))


def kept_from_now_on(redis: Redis, now: int) -> None:
    """Every list that was in use has its owner. `now`: ms."""
    redis.set(keys.OWNERS_SINCE, now, nx=True)


def known(redis: Redis, queues: Sequence[Queue]) -> list[KnownList]:
    """What is known of each of these queues, in one round trip."""
    with redis.pipeline(transaction=False) as pipe:
        for queue in queues:
            pipe.hmget(keys.queue(queue), *_FIELDS)
        return [_known(*values) for values in pipe.execute()]


def _keeps(redis: Redis, queue: Queue, list_id: str) -> bool:
    (found,) = known(redis, [queue])
    return found.keeps == list_id and not found.is_disconnected


def _known(*values: bytes | None) -> KnownList:
    keeps, shares, list_id, list_name, delivered, audience = values
    return KnownList(
        keeps=keeps.decode() if keeps else None,
        shares=shares.decode() if shares else None,
        list_id=list_id.decode() if list_id else None,
        list_name=(list_name or b"").decode(),
        delivered=int(delivered or 0),
        audience=msgspec.json.decode(audience) if audience else {},
    )


#: Identifiers claimed by one call, so that nobody waits for it long.
_AT_ONCE: Final = 1_000


def claim(redis: Redis, connection: str, batch_id: str, wanted: Mapping[bytes, bytes]) -> set[bytes]:
    """Claim identifiers for people of a batch; those that another open batch holds for somebody else.

    `wanted`: hash of an identifier -> hash of the person (people/identities.py), 8 bytes each. A claim of a batch
    that is over is void: its worker died between the end of the batch and `release`. Raises redis.RedisError.
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
