from __future__ import annotations

import json
import threading
from pathlib import Path

from redis import Redis

from queues import dead_letters, figures, holds, keys, pending
from queues.census import count, take_census
from queues.clock import now_ms
from queues.holds import Hold
from tests.support.ops import LAPSED, VIPS, ferry, put, settle, take
from tests.support.people import names


def test_every_stage_of_a_change_is_counted(redis: Redis) -> None:
    put(redis, *names(130), dead="dead@example.com")
    batch = take(redis)
    assert batch is not None
    (found,) = count(redis, [VIPS])
    assert (found.accepted, found.waiting.pending, found.open, found.dead, found.kept) == (131, 30, 100, 1, 1)
    assert [(b.id, b.count, b.stage, b.reason, b.held) for b in found.batches] == [
        (batch, 100, "upload", "size", False)
    ]
    assert (found.name, found.trigger, found.missing) == ("VIPs", "age", 0)
    settle(redis, batch, superseded=10, dead=2)
    (after,) = count(redis, [VIPS])
    assert (after.delivered, after.superseded, after.dead, after.kept, after.open) == (88, 10, 3, 3, 0)
    assert (after.batches, after.missing, after.left_out) == ((), 0, {"phone_invalid": 1})


def test_a_letter_that_was_purged_stays_counted(redis: Redis) -> None:
    put(redis, dead="dead@example.com")
    (letter,) = dead_letters.read(redis, VIPS)
    dead_letters.purge(redis, VIPS, [letter.id])
    (found,) = count(redis, [VIPS])
    assert (found.dead, found.kept, found.missing) == (1, 0, 0)


def test_the_stage_is_the_one_that_the_worker_wrote_down(redis: Redis) -> None:
    put(redis, *names(100))
    batch = take(redis)
    assert batch is not None
    redis.hset(keys.batch(batch), "progress", b'{"stage":"confirm","jobs":[{"id":"j"}]}')
    assert count(redis, [VIPS])[0].batches[0].stage == "confirm"


def test_queues_holds_scheduler_and_workers_are_all_there(redis: Redis) -> None:
    put(redis, "a@example.com")
    put(redis, "b@example.com", queue=LAPSED, name="Lapsed")
    holds.place(redis, VIPS, Hold("list_gone", 5))
    holds.place(redis, "brand-b", Hold("bad key", 6))
    redis.set(keys.HEARTBEAT, 1234)
    found = take_census(redis)
    assert [each.queue for each in found.queues] == [LAPSED, VIPS]
    assert found.queues[1].hold == Hold("list_gone", 5)
    assert (found.holds, found.heartbeat, found.workers) == ({"brand-b": Hold("bad key", 6)}, 1234, {})
    assert abs(found.at - now_ms()) < 60_000


def test_a_flush_that_was_asked_for_is_due_at_once(redis: Redis) -> None:
    put(redis, *names(5))
    pending.flush(redis, VIPS, now_ms())
    (found,) = count(redis, [VIPS])
    assert (found.trigger, found.due, found.waiting.asked, found.upto) == ("operator", 0, 5, 5)


def test_the_equation_holds_in_every_look_however_much_happens_meanwhile(redis: Redis, redis_url: str) -> None:
    stop = threading.Event()

    def busy(people: list[str]) -> None:
        with Redis.from_url(redis_url) as mine:
            while not stop.is_set():
                put(mine, *people, dead="dead@example.com")
                if batch := take(mine):
                    settle(mine, batch, superseded=3, dead=2)

    threads = [threading.Thread(target=busy, args=(names(40, start=100 * i),)) for i in range(3)]
    for thread in threads:
        thread.start()
    looks = [count(redis, [VIPS])[0] for _ in range(300)]
    stop.set()
    for thread in threads:
        thread.join()
    assert {look.missing for look in looks} == {0}
    assert looks[-1].delivered > 0, "batches were settled meanwhile"
    assert any(look.open for look in looks), "and were seen while they were open"


def test_status_prints_it_as_json_and_ends_with_1_when_it_does_not_add_up(
    redis: Redis, redis_url: str, tmp_path: Path
) -> None:
    put(redis, *names(3))
    told = ferry(redis_url, tmp_path, "status", "--json")
    assert told.exit_code == 0
    assert json.loads(told.stdout)["queues"][0]["pending"] == 3
    redis.hincrby(keys.queue(VIPS), "accepted", 1)
    figures.recount(redis, [VIPS])
    wrong = ferry(redis_url, tmp_path, "status")
    assert wrong.exit_code == 1
    assert "DOES NOT ADD UP" in " ".join(wrong.stdout.split())
