"""Which audience's queue keeps a list. If two kept it, each would remove people that the other has added.

A list is identified by its id alone, without the account: Klaviyo's sign-up forms send only the list's id
(manage.kmail-lists.com/subscriptions/subscribe?g=<list>), so no two accounts share one. Therefore a new key does not
lose keepers, and two connections to one account, with one key or two, do not compete for its lists.

Giving up a list does not change this hash: the keeper's own hash says whether it still keeps the list (`keeps`), and
whether its CDP has disconnected the audience.

Claims: in all queues of a Klaviyo account, an identifier is sent by one open batch for one person at a time. Where the
account is not known, because the key may not read it, that holds in all queues of a connection.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, cast

import msgspec
from redis import Redis
from redis.exceptions import LockError
from redis.lock import Lock

from queues import keys, scripts
from queues.connections import accounts
from queues.names import PARTITIONS, Queue

#: Reason of a hold on a queue whose list another queue keeps.
LIST_OWNED: Final = "list_owned"
_FIELDS: Final = ("keeps", "shares", "list_id", "list_name", "delivered", "audience")
#: Identifiers claimed by one call, so that it blocks Redis briefly.
_AT_ONCE: Final = 1_000


@dataclass(frozen=True, slots=True)
class KnownList:
    """The ledger's data of a queue and its list. `audience`: the CDP's data of it.

    `keeps`: the list that it keeps, or would if it were the first. `shares`: a list that it may share. `list_id`,
    `list_name`: the list found for it, and under which name. `delivered`: changes.
    """

    keeps: str | None
    shares: str | None
    list_id: str | None
    list_name: str
    delivered: int
    audience: dict[str, Any]

    @property
    def is_disconnected(self) -> bool:
        """Whether the CDP has disconnected the audience (mParticle: audience_subscription_request)."""
        return self.audience.get("action") == "remove"


class Shared(NamedTuple):
    """A list that `keeper` keeps and `queue` may use."""

    list_id: str
    keeper: Queue
    queue: Queue


def own(redis: Redis, queue: Queue, list_id: str) -> Queue:
    """Keep a list for this queue instead of its previous one; return the queue that keeps it, which may be another."""
    redis.hset(keys.queue(queue), "keeps", list_id)
    gone = ""
    while True:
        found = Queue.parse(scripts.run(redis, "own", [keys.OWNERS], [list_id, str(queue), gone]).decode())
        if found == queue or _keeps(redis, found, list_id):
            return found
        gone = str(found)


def owns(redis: Redis, queue: Queue, list_id: str) -> bool:
    """Return whether the queue keeps a list by all that is recorded, so that `own` would change nothing."""
    with redis.pipeline(transaction=False) as pipe:
        pipe.exists(keys.OWNERS_SINCE)
        pipe.hget(keys.OWNERS, list_id)
        pipe.hget(keys.queue(queue), "keeps")
        since, owner, keeps = pipe.execute()
    return bool(since) and owner == str(queue).encode() and keeps == list_id.encode()


def keeper(redis: Redis, list_id: str) -> Queue | None:
    """Return the queue that keeps a list, None if there is none."""
    found = cast("bytes | None", redis.hget(keys.OWNERS, list_id))
    queue = Queue.parse(found.decode()) if found else None
    return queue if queue and _keeps(redis, queue, list_id) else None


def give_up(redis: Redis, queue: Queue) -> None:
    """End the keeping and sharing of lists by a queue."""
    redis.hdel(keys.queue(queue), "keeps", "shares")


def remember_list(redis: Redis, queue: Queue, list_id: str, name: str) -> None:
    """Store the list that was found for a queue, and the name it was found by."""
    redis.hset(keys.queue(queue), mapping={"list_id": list_id, "list_name": name})


def remembered_list(redis: Redis, queue: Queue) -> tuple[str | None, str]:
    """Return the list that was found for a queue, None if none was, and its name."""
    list_id, name = cast("list[bytes | None]", redis.hmget(keys.queue(queue), "list_id", "list_name"))
    return list_id.decode() if list_id else None, (name or b"").decode()


def forget_list(redis: Redis, queue: Queue) -> None:
    """Forget the list that was found, because it is gone; the queue keeps no list any more."""
    redis.hdel(keys.queue(queue), "list_id", "list_name")
    give_up(redis, queue)


def lock_list(redis: Redis, digest: str, lasts_ms: int) -> Lock | None:
    """Lock the lookup and creation of a list for this worker; return None if another worker holds the lock.

    `digest`: of the list's name and the account's key.
    """
    lock = redis.lock(keys.list_lock(digest), timeout=lasts_ms / 1000, blocking=False)
    return lock if lock.acquire() else None


def unlock_list(lock: Lock) -> bool:
    """Release the lock; return False if it had expired."""
    try:
        lock.release()
    except LockError:
        return False
    return True


def share(redis: Redis, queue: Queue, list_id: str) -> None:
    """Allow the queue to use this list, whichever queue keeps it."""
    redis.hset(keys.queue(queue), "shares", list_id)


def may_share(redis: Redis, queue: Queue, list_id: str) -> bool:
    """Return whether the queue may use this list although another keeps it."""
    return redis.hget(keys.queue(queue), "shares") == list_id.encode()


def shared(redis: Redis) -> list[Shared]:
    """Return every list that two queues use, by permission or since before lists had owners."""
    with redis.pipeline(transaction=False) as pipe:
        for number in range(PARTITIONS):
            scripts.queue_up(pipe, "shares", [keys.partition(number, "queues")])
        flat = [each.decode() for found in pipe.execute() for each in found]
    asked = sorted((Queue.parse(name), list_id) for name, list_id in zip(flat[::2], flat[1::2], strict=True))
    pairs = [(list_id, keeper(redis, list_id), queue) for queue, list_id in asked]
    return [Shared(list_id, keeps, queue) for list_id, keeps, queue in pairs if keeps and keeps != queue]


def are_kept(redis: Redis) -> bool:
    """Return whether this installation's lists have owners; those of an older Ferry have none."""
    return bool(redis.exists(keys.OWNERS_SINCE))


def kept_from_now_on(redis: Redis, now: int) -> None:
    """Record that every list in use has its owner. `now`: ms."""
    redis.set(keys.OWNERS_SINCE, now, nx=True)


def known(redis: Redis, queues: Sequence[Queue]) -> list[KnownList]:
    """Return what is known of each of these queues, in one round trip."""
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


def claim(redis: Redis, connection: str, batch_id: str, wanted: Mapping[bytes, bytes]) -> set[bytes]:
    """Claim identifiers for people of a batch; return those that another open batch holds for another person.

    `wanted`: hash of an identifier -> hash of the person (people/identities.py), 8 bytes each. Claims of a batch that
    has ended are void: its worker died between the end of the batch and `release`. Raises redis.RedisError.
    """
    scope = _scope(redis, connection)
    refused = _claim(redis, scope, batch_id, wanted, ())
    over = {name for holders in refused.values() for name in holders if not redis.exists(keys.batch(name))}
    if over:
        refused = _claim(redis, scope, batch_id, {each: wanted[each] for each in refused}, over)
    return set(refused)


def _claim(
    redis: Redis, scope: str, batch_id: str, wanted: Mapping[bytes, bytes], over: Collection[str]
) -> dict[bytes, list[str]]:
    refused: dict[bytes, list[str]] = {}
    pairs = list(wanted.items())
    for start in range(0, len(pairs), _AT_ONCE):
        part = pairs[start : start + _AT_ONCE]
        args = [batch_id, " ".join(over), *(value for pair in part for value in pair)]
        answers = cast("list[bytes]", scripts.run(redis, "claim", _keys(scope, batch_id), args))
        refused |= {name: answer.decode().split() for (name, _), answer in zip(part, answers, strict=True) if answer}
    return refused


def release(redis: Redis, connection: str, batch_id: str) -> None:
    """Release the claims of a batch that has ended. Raises redis.RedisError."""
    # The account may have become known since the claim.
    calls = [(_keys(scope, batch_id), [batch_id]) for scope in {_scope(redis, connection), connection}]
    while any(scripts.run_each(redis, "unclaim", calls)):
        pass


def _scope(redis: Redis, connection: str) -> str:
    """Return where a claim of the connection counts: in its Klaviyo account, or in itself if that is unknown."""
    account = accounts.known(redis, [connection]).get(connection)
    return f"account:{account}" if account else connection


def _keys(scope: str, batch_id: str) -> list[str]:
    return [keys.claims(scope), keys.claims(scope, batch_id)]
