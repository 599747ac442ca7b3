"""A membership that is not whole, too slow, or for which there is no room changes nothing and leaves nothing behind."""

from __future__ import annotations

import random
import time
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import cast

import pytest
from redis import Redis

from intake.http import limits
from intake.http.protocol import Protocol
from queues import keys, pending
from queues.names import Queue
from queues.snapshots import orders
from queues.snapshots.orders import PIECE, STAGED_MS
from tests.support.group import Group
from tests.support.intake import Intake, known, running
from tests.support.intake_redis import server
from tests.support.proxied_system import environment
from tests.support.upload import Upload
from tests.support.waiting import apart, until
from tests.support.web import TOKEN

MEMBERS = "/v1/audiences/42/members"
QUEUE = Queue("default", "snapshot", "42")


def bodies(redis: Redis) -> list[bytes]:
    return cast("list[bytes]", redis.keys("ferry:*:body"))


def pieces(redis: Redis) -> int:
    return sum(redis.hlen(key) for key in bodies(redis))


def nothing_is_submitted(redis: Redis) -> bool:
    return not any(redis.exists(keys.queue(QUEUE, part)) for part in ("", "pending", "syncs"))


@pytest.mark.parametrize("length", [3 * PIECE, None])
def test_a_body_that_breaks_off_is_never_submitted_and_gives_its_room_back(
    redis: Redis, redis_url: str, length: int | None
) -> None:
    with running(known(redis_url)) as intake:
        with Upload(intake.port, MEMBERS, length) as upload:
            upload.send(b"x" * (2 * PIECE + 1))
            until(lambda: pieces(redis) == 2)
        assert intake.put(MEMBERS.replace("42", "43"), "email\n", Content_Type="text/csv").status_code == 202
        until(lambda: pieces(redis) == 1)
    assert nothing_is_submitted(redis)


def test_what_an_intake_that_dies_has_kept_goes_away_by_itself(redis: Redis, redis_url: str) -> None:
    with running(known(redis_url)) as intake, Upload(intake.port, MEMBERS) as upload:
        upload.send(b"x" * PIECE)
        until(lambda: pieces(redis) == 1)
        assert [0 < redis.pttl(body) <= STAGED_MS for body in bodies(redis)] == [True]


def test_a_body_is_answered_when_it_is_whole_and_not_before(redis: Redis, redis_url: str) -> None:
    with running(known(redis_url)) as intake, Upload(intake.port, MEMBERS) as upload:
        upload.send(b"x" * 2 * PIECE)
        until(lambda: pieces(redis) == 2)
        assert nothing_is_submitted(redis)
        assert not upload.is_answered()
        upload.end()
        assert upload.answer().startswith(b"HTTP/1.1 202 ")
        assert not nothing_is_submitted(redis)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> float:
    """Seconds that an intake waits for a request, or for the next piece of a body."""
    monkeypatch.setattr(Protocol, "seconds", 3.0)
    return Protocol.seconds


def test_a_body_that_goes_on_coming_may_take_longer_than_a_request(redis: Redis, redis_url: str, hasty: float) -> None:
    with running(known(redis_url)) as intake, Upload(intake.port, MEMBERS) as upload:
        started = time.monotonic()
        sent = 0
        while time.monotonic() - started < 2 * hasty:
            upload.send(b"x" * PIECE)
            sent += 1
            apart(0.1)
        upload.end()
        assert upload.answer().startswith(b"HTTP/1.1 202 ")
        assert pieces(redis) == sent


@pytest.mark.parametrize("first", [0, PIECE])
def test_a_body_that_comes_byte_by_byte_is_given_up(redis: Redis, redis_url: str, hasty: float, first: int) -> None:
    with running(known(redis_url)) as intake, Upload(intake.port, MEMBERS) as upload:
        upload.send(b"x" * first + b"y")
        started = time.monotonic()
        while not upload.is_answered():
            assert time.monotonic() - started < 20 * hasty
            with suppress(OSError):
                upload.send(b"x")
        assert upload.answer().startswith(b"HTTP/1.1 408 ")
    assert nothing_is_submitted(redis)


def check_refused(answer: bytes) -> None:
    assert answer.startswith(b"HTTP/1.1 503 "), answer[:200]
    assert b"retry-after: " in answer.lower()


def test_while_the_ledger_is_full_nothing_is_begun_or_gone_on_with(redis: Redis, redis_url: str) -> None:
    def is_full(intake: Intake) -> bool:
        return intake.post("/v1/changes", {"audience": {"id": "7"}, "changes": []}).status_code == 503

    with running(known(redis_url, max_pending=3)) as intake, Upload(intake.port, MEMBERS) as under_way:
        under_way.send(b"x" * PIECE)
        until(lambda: pieces(redis) == 1)
        changes = [{"action": "add", "email": f"p{number}@example.com"} for number in range(3)]
        assert intake.post("/v1/changes", {"audience": {"id": "7"}, "changes": changes}).status_code == 202
        until(lambda: is_full(intake))
        response = intake.put(MEMBERS, "email\n", Content_Type="text/csv")
        assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
        assert "3 changes are pending" in response.json()["error"]["description"]
        under_way.send(b"x" * PIECE)
        check_refused(under_way.answer())
        assert bodies(redis) == [], "what is not submitted gives its room back"
        assert nothing_is_submitted(redis)


def test_a_snapshot_for_which_its_queue_has_no_room_leaves_nothing_behind(redis: Redis, redis_url: str) -> None:
    with running(known(redis_url, max_pending_per_queue=1)) as intake:
        first = intake.put(MEMBERS, "email\n", Content_Type="text/csv")
        second = intake.put(MEMBERS, "email\n", Content_Type="text/csv")
        assert (first.status_code, second.status_code) == (202, 503)
        assert [record.order.snapshot for record in orders.records(redis, QUEUE)] == [first.json()["snapshot"]]
        assert len(bodies(redis)) == 1
        assert redis.llen(keys.queue(QUEUE, "pending")) == 1


def test_a_body_larger_than_what_redis_has_room_for_is_refused_and_gives_it_back(tmp_path: Path) -> None:
    with (
        server(tmp_path, "--maxmemory", "20mb", "--maxmemory-policy", "noeviction") as (_, url),
        Redis.from_url(url) as redis,
        running(known(url)) as intake,
        Upload(intake.port, MEMBERS) as upload,
    ):
        noise = random.Random(1)
        upload.send(b"email\n" * PIECE)  # the beginning is read; the rest is only stored
        while not upload.is_answered():
            with suppress(OSError):
                upload.send(noise.randbytes(PIECE))
        check_refused(upload.answer())
        until(lambda: intake.put(MEMBERS, "email\n", Content_Type="text/csv").status_code == 202)
        assert len(bodies(redis)) == 1


def test_a_redis_that_is_gone_while_a_body_comes_is_answered_503(tmp_path: Path) -> None:
    with (
        server(tmp_path) as (process, url),
        Redis.from_url(url) as redis,
        running(known(url)) as intake,
        Upload(intake.port, MEMBERS) as upload,
    ):
        upload.send(b"x" * PIECE)
        until(lambda: pieces(redis) == 1)
        process.kill()
        process.wait(30)
        upload.send(b"x" * PIECE)
        check_refused(upload.answer())


@pytest.mark.parametrize("more", [0, 1, PIECE])
def test_a_redis_that_forgot_the_beginning_is_given_no_order(redis: Redis, redis_url: str, more: int) -> None:
    with running(known(redis_url)) as intake, Upload(intake.port, MEMBERS) as upload:
        upload.send(b"x" * PIECE)
        until(lambda: pieces(redis) == 1)
        redis.flushall()
        if more:
            upload.send(b"x" * more)
        upload.end()
        check_refused(upload.answer())
        assert redis.keys() == []


def test_pieces_in_hand_count_as_what_a_process_holds_and_pieces_kept_do_not(
    redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "IN_FLIGHT", 16 * PIECE)  # of which one sender may hold half
    with running(known(redis_url)) as intake:
        body = b"x" * 40 * PIECE
        for _ in range(3):
            assert intake.put(MEMBERS, body, Content_Type="text/csv").status_code == 202
    monkeypatch.setattr(limits, "IN_FLIGHT", PIECE)
    with running(known(redis_url)) as intake:
        response = intake.put(MEMBERS, b"x" * PIECE, Content_Type="text/csv")
        assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
        assert intake.put(MEMBERS, b"email", Content_Type="text/csv").status_code == 202


def peak(pid: int) -> int:
    """The most memory that a process ever had, in bytes."""
    (line,) = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1_024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells the peak of another process")
def test_the_memory_of_the_intake_does_not_grow_with_a_body(redis: Redis, redis_url: str, tmp_path: Path) -> None:
    with Group(environment(redis_url, "http://127.0.0.1:9"), tmp_path, "web", fresh=True) as group:
        intake = Intake(group.port)
        # All that is loaded on first use.
        assert intake.put(MEMBERS, b"x" * 4 * PIECE, TOKEN, Content_Type="text/csv").status_code == 202
        before = peak(group.pid("web"))
        size = 60_000_000
        rows = (b"%059d\n" % number * 1_000 for number in range(1, size // 60_000))
        body = chain([b"email\n" * 10_000], rows)
        response = intake.put(MEMBERS, body, TOKEN, Content_Type="text/csv")
        assert (response.status_code, response.json()["bytes"]) == (202, size)
        assert peak(group.pid("web")) - before < 15_000_000


def test_an_audience_without_an_id_is_refused_for_its_queue_could_not_be_named(redis: Redis, redis_url: str) -> None:
    with running(known(redis_url)) as intake:
        refused = intake.put("/v1/audiences//members", "email\n", Content_Type="text/csv")
    assert (refused.status_code, "empty" in refused.json()["error"]["description"]) == (400, True)
    assert not pending.all_queues(redis)
