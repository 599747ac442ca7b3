"""What somebody else put into RQ's queue is not carried out by a real worker, which goes on with the next ring."""

from __future__ import annotations

from queues import doorbell  # before rq: it sets RQ's key prefix

# isort: split
import json
import pickle
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from redis import Redis
from rq.job import Job
from rq.serializers import DefaultSerializer, JSONSerializer
from rq.webhook import Webhook

from queues import keys
from queues.clock import now_ms
from tests.support.group import Group
from tests.support.strangers import answering
from tests.support.waiting import until
from tests.support.world import QUEUE, World

Put = Callable[[Redis, Path, str], None]


class Touch:
    """Unpickled, it makes a file."""

    def __init__(self, marker: Path) -> None:
        self._marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self._marker,)


def _put(redis: Redis, job: Job, **fields: bytes | str) -> None:
    """Let RQ store a job, change what is stored, and put it at the front of the queue."""
    job.save()
    if fields:
        redis.hset(job.key, mapping=cast("dict[Any, Any]", fields))
    doorbell.rq_queue(redis).push_job_id(job.id, at_front=True)


def _job(redis: Redis, call: str, *args: str, serializer: Any = JSONSerializer) -> Job:
    return Job.create(call, args=list(args), connection=redis, serializer=serializer, origin=doorbell.NAME)


def pickled(redis: Redis, marker: Path, _: str) -> None:
    _put(redis, _job(redis, doorbell.TASK, "07-x"), data=zlib.compress(pickle.dumps(Touch(marker))))


def pickled_by_rq(redis: Redis, marker: Path, _: str) -> None:
    _put(redis, _job(redis, "os.mkdir", str(marker), serializer=DefaultSerializer))


def pickled_aside(redis: Redis, marker: Path, _: str) -> None:
    """In the second place that RQ reads; the ring itself is a sound one."""
    _put(redis, _job(redis, doorbell.TASK, "07-" + "0" * 32), meta=pickle.dumps(Touch(marker)))


def named_in_json(redis: Redis, marker: Path, _: str) -> None:
    _put(redis, _job(redis, "os.mkdir", str(marker)))


def of_an_instance(redis: Redis, marker: Path, _: str) -> None:
    data = json.dumps(["deliver", "worker.deliver", [str(marker)], {}])
    _put(redis, _job(redis, "x"), data=zlib.compress(data.encode()))


def as_a_callback(redis: Redis, marker: Path, _: str) -> None:
    """Importing the module is harm enough."""
    (marker.parent / "evil_module.py").write_text(f"open({str(marker)!r}, 'w').close()\n")
    _put(redis, _job(redis, doorbell.TASK, "07-" + "0" * 32), failure_callback_name="evil_module.called")


def as_a_webhook(redis: Redis, _: Path, url: str) -> None:
    hooks = json.dumps([Webhook(url, "finished").to_dict()])
    _put(redis, _job(redis, doorbell.TASK, "07-" + "0" * 32), webhooks=hooks)


def no_job_at_all(redis: Redis, marker: Path, _: str) -> None:
    doorbell.rq_queue(redis).push_job_id(marker.name, at_front=True)


STRANGERS: list[Put] = [
    pickled,
    pickled_by_rq,
    pickled_aside,
    named_in_json,
    of_an_instance,
    as_a_callback,
    as_a_webhook,
    no_job_at_all,
]


def test_what_a_stranger_put_into_the_queue_is_thrown_away_and_the_next_ring_is_heard(
    world: World, redis_url: str, tmp_path: Path
) -> None:
    world.change("add", "a@example.com")
    batch_id = world.take()
    doorbell.ring(world.redis, [batch_id], now_ms())
    markers = [tmp_path / put.__name__ for put in STRANGERS]
    environment = {"REDIS_URL": redis_url, "KLAVIYO_BASE_URL": world.klaviyo, "PYTHONPATH": str(tmp_path)}
    environment |= {"KLAVIYO_API_KEY": "pk_test", "NO_PROXY": "127.0.0.1"}
    with answering(200) as called, Group(environment, tmp_path) as group:
        for put, marker in zip(STRANGERS, markers, strict=True):
            put(world.redis, marker, f"http://127.0.0.1:{called.port}/")
        group.start("worker")
        until(lambda: world.redis.hget(keys.batch(batch_id), "progress") not in (b"", None))
        until(lambda: doorbell.rq_queue(world.redis).count == 0)
        assert group.runs("worker"), "one worker took all of them"
        log = group.log("worker")
    assert [marker.name for marker in markers if marker.exists()] == []
    assert called.seen == []
    assert world.redis.hget(keys.queue(QUEUE), "open") == b"1", "the ring after them was heard"
    assert log.count("is not one of Ferry's and was deleted") == 6
    assert "Traceback" not in log


def test_the_strangers_would_be_carried_out_by_one_who_trusts_them(redis: Redis, tmp_path: Path) -> None:
    for put in (pickled, pickled_by_rq):
        put(redis, tmp_path / put.__name__, "")
    for job_id in doorbell.rq_queue(redis).job_ids:
        data = redis.hget(Job.key_for(job_id), "data")
        assert isinstance(data, bytes)
        loaded = DefaultSerializer.loads(zlib.decompress(data))
        if isinstance(loaded, tuple):
            assert loaded[0] == "os.mkdir"
    assert (tmp_path / "pickled").exists(), "unpickling alone makes the file"
