"""A worker process: what it makes of being stopped, of losing Redis and of breaking down."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, cast

import msgspec
import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from rq.exceptions import ShutDownImminentException
from rq.timeouts import JobTimeoutException
from rq.worker import HerokuWorker

from configuration import settings
from mappings.rules import Rules
from queues import batches, doorbell, keys, metrics, pending
from queues.acceptance import Acceptance, accept
from queues.change import Body, Change, encode, person_key
from queues.clock import now_ms
from queues.names import Queue
from queues.policy import FlushPolicy, decide
from queues.server import installation
from tests.support.paths import ROOT
from tests.support.world import World
from worker import deliver, main
from worker.audience import upload
from worker.connection import Destination
from worker.delivery import Delivery
from worker.errors import DeliveryFailed
from worker.people import batch_people
from worker.process import settings_of_process

QUEUE = Queue("default", "audience", "42")
PERSON = b'{"email":"a@example.com"}'
#: Beyond the largest number that Linux gives a process.
NO_PROCESS = 2**22 + 1
STOP = ShutDownImminentException("stop", {})  # type: ignore[no-untyped-call]  # as in rq


@pytest.fixture
def batch_id(redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A batch that waits for a worker."""
    monkeypatch.setenv("REDIS_URL", redis_url)
    monkeypatch.setenv("KLAVIYO_API_KEY", "pk_test")
    settings_of_process.cache_clear()
    body = Body("add", now_ms(), "changes", "m", msgspec.Raw(PERSON))
    change = encode((person_key("email", "a@example.com"),), now_ms(), body)
    accept(redis, Acceptance(QUEUE, FlushPolicy(size=1), "", [change]), now_ms())
    (seen,) = pending.look(redis, [QUEUE])
    decision = decide(seen.waiting, FlushPolicy(size=1), now_ms())
    assert decision is not None
    taken = pending.take(redis, seen, *decision, now_ms())
    assert taken is not None
    yield taken
    settings_of_process.cache_clear()


def raising(fault: BaseException) -> Any:
    def function(*_: object, **__: object) -> None:
        raise fault

    return function


@pytest.mark.parametrize("interruption", [STOP, JobTimeoutException("900 s")])
def test_a_delivery_that_is_interrupted_gives_its_batch_back_at_once_and_spends_nothing(
    redis: Redis, batch_id: str, monkeypatch: pytest.MonkeyPatch, interruption: BaseException
) -> None:
    monkeypatch.setattr(deliver, "_go_on", raising(interruption))
    deliver.deliver(batch_id)
    assert batch_id in batches.to_ring(redis, now_ms())
    assert redis.hmget(keys.batch(batch_id), "held", "crashes", "attempts") == [b"0", b"0", b"0"]


def test_a_delivery_that_breaks_down_does_not_tell_what_it_had_in_hand(
    redis: Redis, batch_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliver, "_go_on", raising(ValueError("a@example.com")))
    with pytest.raises(DeliveryFailed, match="ValueError in function") as failed:
        deliver.deliver(batch_id)
    assert "example.com" not in str(failed.value)
    assert failed.value.__suppress_context__, "RQ logs and keeps the whole traceback"


@pytest.mark.parametrize("interruption", [STOP, JobTimeoutException("900 s")])
def test_an_interruption_while_a_person_is_mapped_is_no_fault_of_the_person(
    monkeypatch: pytest.MonkeyPatch, interruption: BaseException
) -> None:
    monkeypatch.setattr(batch_people, "to_profile", raising(interruption))
    change = Change(("k" * 16,), 0, Body("add", 0, "changes", "m", msgspec.Raw(PERSON)))
    batch = batches.Batch("00-x", QUEUE, 1, "size", 0, 0, 0, b"", lambda: [change])
    to = Destination("pk_test", Rules(), None, None, "VIPs", None)
    delivery = Delivery(cast(Any, None), batch, to, cast(Any, None))
    with pytest.raises(type(interruption)):
        upload.profiles(delivery, [0])
    assert delivery.progress.rejected == {}


def test_a_stop_that_comes_while_a_delivery_is_started_reaches_it_when_it_can_be_told(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = main.DeliveryWorker([doorbell.rq_queue(redis)], connection=redis)
    told: list[int] = []
    monkeypatch.setattr(HerokuWorker, "request_stop", lambda _, signum, __: told.append(signum))

    def fork(self: main.DeliveryWorker, *_: object) -> None:
        assert signal.SIGRTMIN in signal.pthread_sigmask(signal.SIG_BLOCK, ()), "it would die of it, not listening yet"
        self.request_stop(signal.SIGTERM, None)
        assert told == [], "the delivery has no process group of its own yet"
        self._horse_pid = NO_PROCESS

    monkeypatch.setattr(HerokuWorker, "fork_work_horse", fork)
    worker.fork_work_horse(cast(Any, None), cast(Any, None))
    assert told == [signal.SIGTERM]
    assert signal.SIGRTMIN not in signal.pthread_sigmask(signal.SIG_BLOCK, ())
    worker.request_stop(signal.SIGINT, None)
    assert told == [signal.SIGTERM, signal.SIGINT]


@pytest.fixture
def own_signals() -> Iterator[None]:
    """What the worker sets is undone."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_worker_of_rq_that_ends_by_itself_is_replaced_until_one_is_stopped_and_counted(
    redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch, own_signals: None
) -> None:
    ends = [RedisConnectionError("lost"), None, signal.SIGTERM]

    def work(worker: main.DeliveryWorker, **_: object) -> bool:
        end = ends.pop(0)
        if isinstance(end, RedisConnectionError):
            raise end
        worker.stopped_by = end
        return False

    monkeypatch.setenv("REDIS_URL", redis_url)
    monkeypatch.setattr(main.DeliveryWorker, "work", work)
    monkeypatch.setattr(main, "WAIT_S", 0)
    main.run(settings.load())
    assert ends == []
    assert metrics.read(redis) == {metrics.RESTARTED: 2}


def test_a_worker_waits_for_a_redis_that_is_not_up_until_it_is_stopped(
    monkeypatch: pytest.MonkeyPatch, own_signals: None, caplog: pytest.LogCaptureFixture
) -> None:
    def stop_then(*_: object) -> None:
        signal.raise_signal(signal.SIGTERM)
        raise RedisConnectionError("nobody listens")

    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setattr(installation, "claim", stop_then)
    main.run(settings.load())
    assert "Redis does not answer (nobody listens). Trying again in 1 s, nothing is lost" in caplog.text


def test_a_signal_before_the_handlers_of_rqs_worker_stops_it(
    redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch, own_signals: None
) -> None:
    monkeypatch.setenv("REDIS_URL", redis_url)
    monkeypatch.setattr(installation, "claim", lambda *_: signal.raise_signal(signal.SIGTERM))
    main.run(settings.load())
    assert metrics.read(redis) == {}, "no worker was started again"


#: Arguments: the URL of Redis and a batch. Shows what the delivery still imports, and how many patterns it compiles.
DELIVERY_OF_A_PREPARED_WORKER = """
import sys
from mappings import numbering
from queues.server.connection import connect
from worker import main, process
with connect(sys.argv[1]) as redis:
    process.warm(redis)
    modules, patterns = set(sys.modules), numbering._numbers.cache_info().misses
    main.deliver.deliver(sys.argv[2])
print(sorted(set(sys.modules) - modules), numbering._numbers.cache_info().misses - patterns)
"""


def test_a_delivery_imports_nothing_and_compiles_no_pattern_that_its_worker_has_prepared(
    world: World, redis_url: str
) -> None:
    world.change("add", {"email": "a@example.com", "phone_number": "+4915123456789"})
    program = [sys.executable, "-c", DELIVERY_OF_A_PREPARED_WORKER, redis_url, world.take()]
    said = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=True, timeout=120)
    assert said.stdout == "[] 0\n"
    assert len(world.requests("/api/profile-bulk-import-jobs", "POST")) == 1
