"""What must hold of the ledger and of Klaviyo, whatever was killed: one sentence for each thing that does not."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import cast

from redis import Redis
from rq.job import Job

from queues import bounds, dead_letters, doorbell, keys
from queues.census import count
from queues.counts import QueueCount
from queues.history import batches
from queues.pending import all_queues
from tests.support.kept_figures import assert_kept
from tests.support.klaviyo import Account
from tests.support.ledger import letter_of
from tests.support.model import DOMAIN, Model, list_name, queue_of
from tests.support.recovery import open_batches

#: Reads everything a key of each type holds.
_READERS: dict[bytes, Callable[[Redis, str], object]] = {
    b"string": lambda redis, key: redis.get(key),
    b"list": lambda redis, key: redis.lrange(key, 0, -1),
    b"hash": lambda redis, key: redis.hgetall(key),
    b"set": lambda redis, key: redis.smembers(key),
    b"zset": lambda redis, key: redis.zrange(key, 0, -1),
    b"stream": lambda redis, key: redis.xrange(key),
    b"none": lambda redis, key: redis.exists(key),  # expired meanwhile
}


def check(redis: Redis, klaviyo: Account, model: Model) -> None:
    """All of it, when everything has come to its end."""
    broken = [
        *conservation(redis, model),
        *quiet(redis),
        *private(redis),
        *doorbell_is_no_ledger(redis),
        *membership(redis, klaviyo, model),
    ]
    assert not broken, "\n".join(broken)
    assert_kept(redis)


def balance(redis: Redis) -> list[str]:
    """At any time: accepted = pending + open + delivered + dead + superseded, each queue at one moment."""
    return [
        f"{found.queue}: {found.missing} of {found.accepted} accepted changes are nowhere"
        for found in count(redis, all_queues(redis))
        if found.missing
    ]


def conservation(redis: Redis, model: Model) -> list[str]:
    """Everything that was answered with 202 is in the ledger, once."""
    stored = {found.queue: found.accepted for found in count(redis, all_queues(redis))}
    expected = {queue_of(audience): changes for audience, changes in model.accepted.items()}
    wrong = [
        f"{queue}: {expected.get(queue, 0)} changes were accepted and {stored.get(queue, 0)} are stored"
        for queue in stored.keys() | expected.keys()
        if stored.get(queue, 0) != expected.get(queue, 0)
    ]
    return wrong + balance(redis)


def quiet(redis: Redis) -> list[str]:
    """Nothing is under way: no batch, no lease, no person that others would wait for."""
    wrong = [f"batch {batch_id} is still open" for batch_id in open_batches(redis)]
    for found in count(redis, all_queues(redis)):
        figures = (found.waiting.pending, found.open, len(found.batches))
        if figures != (0, 0, 0):
            wrong.append(f"{found.queue}: %d changes wait, %d are open, in %d batches" % figures)
        if found.kept != found.dead:
            wrong.append(f"{found.queue}: {found.dead} changes count as dead, {found.kept} letters are kept")
        if redis.exists(keys.queue(found.queue, "open")):
            wrong.append(f"{found.queue}: persons are marked as open and no batch is")
        told = sum(batch.delivered for batch in batches.batches(redis, found.queue, bounds.TOLD))
        if told != found.delivered and not _may_forget(redis, found):
            wrong.append(f"{found.queue}: {found.delivered} changes are delivered, and {told} are told of as delivered")
    return wrong + [f"key {key.decode()} is left over" for key in redis.scan_iter("ferry:*:b:*", 1000)]


def _may_forget(redis: Redis, found: QueueCount) -> bool:
    """Whether some of the history may be gone: there was too much of it, or memory is short."""
    return found.accepted > bounds.TOLD or bool(redis.info("memory")["maxmemory"])


def private(redis: Redis) -> list[str]:
    """Once delivered, nobody's address is left but in dead letters and the ledger of members; and in no key's name."""
    found = list(redis.scan_iter("*", 1000))
    with redis.pipeline(transaction=False) as pipe:
        for key in found:
            pipe.type(key)
        types = pipe.execute()
        for key, kind in zip(found, types, strict=True):
            _READERS[kind](pipe, key)
        values = pipe.execute(raise_on_error=False)
    domain = DOMAIN.encode()
    named = [f"key {key!r} has an address in its name" for key in found if domain in key]
    return named + [
        f"key {key.decode()} still holds an address"
        for key, value in zip(found, values, strict=True)
        if DOMAIN in repr(_unpacked(key, value)) and not key.endswith((b":dead", b":members"))
    ]


def _unpacked(key: bytes, value: object) -> object:
    """What a key holds; of the history what is packed in it, the members of an audience's list being people."""
    if key.endswith(b":history") and isinstance(value, dict):
        return {batch: zlib.decompress(stored) for batch, stored in value.items()}
    return value


def doorbell_is_no_ledger(redis: Redis) -> list[str]:
    """An RQ job carries the id of a batch and nothing else, is not pickled, and its failure tells nobody's address."""
    wrong = []
    queue, client = doorbell.rq_queue(redis), doorbell.rq_client(redis)
    for key in cast("list[bytes]", client.keys("{ferry-rq}:job:*")):
        if not client.hexists(key, "data"):  # RQ's hash of a job whose worker died
            continue
        job = Job.fetch(key.decode().rpartition(":")[2], client, serializer=queue.serializer)
        batch_ids = [arg for arg in job.args if keys.batch_partition(arg) >= 0]
        if (job.func_name, len(batch_ids), len(job.args), job.kwargs) != (doorbell.TASK, 1, 1, {}):
            wrong.append(f"RQ job {job.id} carries more than a batch id")
        failure = job.latest_result()
        if failure and DOMAIN in str(failure.exc_string):
            wrong.append(f"RQ job {job.id} failed and tells somebody's address")
    return wrong


def membership(redis: Redis, klaviyo: Account, model: Model) -> list[str]:
    """Each list is there once, with those whose last accepted change says so; the hopeless are dead letters."""
    wrong = []
    lists = klaviyo.lists()
    if len(lists) != len(set(lists)):
        wrong.append(f"there are two lists of one name: {lists}")
    for audience in model.accepted:
        on_it, meant = klaviyo.members(list_name(audience)), model.members(audience)
        if on_it != meant:
            wrong.append(f"audience {audience}: {len(meant - on_it)} are missing, {len(on_it - meant)} too many")
        letters = list(dead_letters.read(redis, queue_of(audience)))
        if {letter_of(letter) for letter in letters} != model.hopeless(audience):
            reasons = [letter.reason for letter in letters]
            wrong.append(f"audience {audience}: {len(model.hopeless(audience))} must be dead letters, not {reasons}")
    return wrong
