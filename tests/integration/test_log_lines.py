"""What a batch leaves in the log: a line of JSON for each stage, with the ids that lead from a request to its batch."""

from __future__ import annotations

from queues import doorbell  # before rq: it sets RQ's key prefix

# isort: split
import json
import logging
from collections.abc import Iterator
from typing import Any, cast

import msgspec
import pytest
from redis import Redis
from rq.serializers import JSONSerializer
from rq.worker import HerokuWorker

from configuration.connections import Connection, Connections
from logs.lines import JsonLine
from queues import keys, pending
from queues.clock import now_ms
from queues.names import Queue
from scheduler.tick import take_due
from tests.support import canaries as c
from tests.support.intake import TOKEN, known, running
from tests.support.world import World
from worker import deliver as task
from worker.main import DeliveryWorker

QUEUE = "default/audience/42"
REQUEST = "5b4f1bd0-9d8e-4f3b-a2c8-6e2d3f1a0b7c"


class Log(logging.Handler):
    """The lines as a process would write them."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.setFormatter(JsonLine("worker"))
        self.lines: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(json.loads(self.format(record)))

    def stages(self) -> list[str]:
        """In their order."""
        return [line["stage"] for line in self.lines if "stage" in line]

    def of(self, stage: str) -> dict[str, Any]:
        """The one line of a stage."""
        (line,) = (line for line in self.lines if line.get("stage") == stage)
        return line


@pytest.fixture
def log() -> Iterator[Log]:
    """Everything of level INFO and above in this process."""
    root = logging.getLogger()
    handler, level = Log(), root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield handler
    root.removeHandler(handler)
    root.setLevel(level)


def test_each_stage_of_a_batch_leaves_a_line_with_its_ids_and_counts(world: World, log: Log) -> None:
    world.change("add", "a@example.com")
    world.deliver()
    log.lines.clear()
    world.change("add", "b@example.com", "no address")
    world.change("remove", "a@example.com")
    batch_id = world.deliver()
    assert log.stages() == ["taken_up", "uploaded", "confirmed", "proved", "removed", "settled"]
    assert {(line["batch"], line["queue"]) for line in log.lines if "stage" in line} == {(batch_id, QUEUE)}
    assert log.of("taken_up")["changes"] == 3
    assert log.of("uploaded")["people"] == 1
    assert log.of("confirmed")["failed"] == 0
    assert log.of("uploaded")["job"] == log.of("confirmed")["job"]
    assert (log.of("removed")["people"], log.of("removed")["on_list"]) == (1, 1)
    settled = log.of("settled")
    assert (settled["delivered"], settled["superseded"], settled["dead"]) == (2, 0, 1)


def test_a_batch_is_taken_up_once_however_often_it_is_polled(world: World, log: Log) -> None:
    world.control("jobs", seconds=60)
    world.change("add", "a@example.com")
    batch_id = world.deliver(rings=3)
    world.control("jobs", seconds=0)
    assert log.stages() == ["taken_up", "uploaded"]
    waits = [line for line in log.lines if "not complete yet" in line["message"]]
    assert {(line["batch"], line["queue"]) for line in waits} == {(batch_id, QUEUE)}
    world.ring(batch_id)
    assert log.stages()[2:] == ["confirmed", "proved", "settled"]


def test_a_request_leads_to_its_batch(world: World, log: Log, redis_url: str) -> None:
    with running(known(redis_url)) as intake:
        for number in range(12):
            change = {"action": "add", "email": f"p{number}@example.com"}
            body = {"audience": {"id": "42", "name": "VIPs"}, "changes": [change, change]}
            intake.post("/v1/changes", body, TOKEN, X_Request_ID=f"{REQUEST}-{number}")
    pending.flush(world.redis, world.queue, now_ms())
    assert take_due(world.redis, Connections({"default": Connection("default")}), now_ms()) == 1
    (opened,) = cast("list[bytes]", world.redis.zrange(keys.queue(Queue.parse(QUEUE), "batches"), 0, -1))
    batch_id = opened.decode()
    task.deliver(batch_id)
    taken = log.of("taken")
    assert (taken["batch"], taken["queue"], taken["reason"]) == (batch_id, QUEUE, "operator")
    line = log.of("taken_up")
    assert (line["batch"], line["changes"]) == (batch_id, 24)
    assert line["messages"] == [f"{REQUEST}-{number}" for number in range(10)]
    assert "24 changes of 12 messages" in line["message"]


def test_what_a_sender_puts_into_its_ids_does_not_get_into_the_log(world: World, log: Log, redis_url: str) -> None:
    with running(known(redis_url)) as intake:
        for given in (c.ANN, c.PHONE, c.EXTERNAL_ID, c.MPID):
            change = {"action": "add", "email": c.ANN, "phone": c.PHONE, "external_id": c.EXTERNAL_ID}
            body = {"audience": {"id": "42", "name": "VIPs"}, "changes": [change]}
            sent = intake.post("/v1/changes", body, TOKEN, X_Request_ID=given, Idempotency_Key=given)
            assert sent.status_code == 202
            assert c.marks(sent.headers["X-Request-ID"]) == set()
    world.deliver()
    assert log.of("taken_up")["messages"] == []
    assert log.of("settled")["delivered"] == 1
    assert [line for line in log.lines if c.marks(json.dumps(line))] == []


def test_the_process_of_a_delivery_gets_its_lines_out_before_it_ends(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Slow(logging.Handler):
        flushed = 0

        def flush(self) -> None:
            self.flushed += 1

    def broken(*_: object) -> None:
        raise OSError("broken")

    monkeypatch.setattr(HerokuWorker, "perform_job", broken)
    worker = DeliveryWorker([doorbell.rq_queue(redis)], connection=redis, serializer=JSONSerializer)
    slow = Slow()
    logging.getLogger().addHandler(slow)
    with pytest.raises(OSError, match="broken"):
        worker.perform_job(*[None] * 3)  # type: ignore[arg-type]
    logging.getLogger().removeHandler(slow)
    assert slow.flushed == 1


def test_a_snapshot_s_lines_carry_its_id(world: World, log: Log, redis_url: str) -> None:
    with running(known(redis_url)) as intake:
        answer = intake.put("/v1/audiences/42/members?name=VIPs", "email\na@example.com\n", Content_Type="text/csv")
    snapshot = msgspec.json.decode(answer.content)["snapshot"]
    world.queue = Queue("default", "snapshot", "42")
    batch_id = world.deliver()
    told = [line for line in log.lines if line.get("batch") == batch_id]
    assert {line["snapshot"] for line in told if line.get("stage") == "settled"} == {snapshot}
