"""What heals after a crash, without waiting for it: time passes, a scheduler ticks, a worker delivers."""

from __future__ import annotations

from collections.abc import Callable

from redis import Redis

from configuration.connections import Connections
from queues import keys, pending
from queues.clock import now_ms
from queues.names import PARTITIONS
from scheduler.tick import tick
from worker.deliver import deliver

#: More rounds than any of these scenarios needs: upload, confirm, remove, for batches that wait for each other.
ROUNDS = 40


def open_batches(redis: Redis) -> list[str]:
    """Every batch that is not settled."""
    with redis.pipeline(transaction=False) as pipe:
        for number in range(PARTITIONS):
            pipe.zrange(keys.partition(number, "ring"), 0, -1)
        return [batch_id.decode() for ids in pipe.execute() for batch_id in ids]


def let_waits_pass(redis: Redis) -> None:
    """Every batch that was given back until later is to be rung for now. Workers may be at work."""
    for batch_id in open_batches(redis):
        if redis.hget(keys.batch(batch_id), "held") == b"0":
            redis.zadd(keys.partition(keys.batch_partition(batch_id), "ring"), {batch_id: 1}, xx=True)


def let_time_pass(redis: Redis) -> None:
    """Every lease, wait, lock and pause is over. Only when no worker is at work: this is not atomic."""
    batch_ids = open_batches(redis)
    passing = [*redis.scan_iter("ferry:lock:*", 1000), *redis.scan_iter("ferry:limits:*", 1000)]
    with redis.pipeline(transaction=False) as pipe:
        for batch_id in batch_ids:
            pipe.zadd(keys.partition(keys.batch_partition(batch_id), "ring"), {batch_id: 1}, xx=True)
            pipe.hset(keys.batch(batch_id), "lease", 1)
        for key in passing:
            pipe.delete(key)
        pipe.execute()


def waiting(redis: Redis) -> int:
    """Changes that wait in the queues."""
    return sum(look.waiting.pending for look in pending.look(redis, pending.all_queues(redis)))


def drive(redis: Redis, connections: Connections, deliver_one: Callable[[str], bool]) -> None:
    """Schedule in this process and deliver with `deliver_one` until nothing is open, or until it says that it died."""
    for _ in range(ROUNDS):
        let_time_pass(redis)
        tick(redis, connections, now_ms())
        ready = open_batches(redis)
        if not ready:
            return
        for batch_id in ready:
            if not deliver_one(batch_id):
                return
    raise AssertionError(f"batches {open_batches(redis)} are still open after {ROUNDS} rounds")


def recover(redis: Redis, connections: Connections) -> None:
    """Bring everything to its end with healthy processes: nothing waits and nothing is open afterwards."""
    for queue in pending.all_queues(redis):
        pending.flush(redis, queue, now_ms())
    drive(redis, connections, _deliver)
    assert waiting(redis) == 0, "changes wait, and no batch is open that they could wait for"


def _deliver(batch_id: str) -> bool:
    deliver(batch_id)
    return True
