"""Dead letters are bounded, and nothing is deleted before an alarm was given."""

from __future__ import annotations

import logging
import threading

from queues import doorbell  # before rq: it sets RQ's key prefix

# isort: split
import pytest
from redis import Redis
from rq import SimpleWorker
from rq.serializers import JSONSerializer

from queues import bounds, dead_letters, keys
from queues.census import count
from queues.clock import now_ms
from queues.dead_letters import KeptLetters
from queues.snapshots import members
from scheduler import main
from scheduler.housekeeping import EVERY_MS, FAILED_JOBS, housekeep, used
from tests.support.intake import known
from tests.support.ops import LAPSED, VIPS, put
from tests.support.waiting import until

DAY = 86_400_000


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """What is logged, with a bound of ten letters."""
    monkeypatch.setattr(bounds, "LETTERS", 10)
    caplog.set_level(logging.ERROR, "scheduler.housekeeping")
    return caplog


def bury(redis: Redis, letters: int) -> None:
    for number in range(letters):
        put(redis, dead=f"p{number}@example.com")


def keep_house(redis: Redis, now: int | None = None) -> None:
    """Once more, as if the minute was over."""
    redis.delete(keys.HOUSEKEEPING)
    housekeep(redis, now or now_ms())


def figures(redis: Redis) -> tuple[int, int, int, int]:
    (found,) = count(redis, [VIPS])
    return found.dead, found.kept, found.evicted, found.missing


@pytest.mark.parametrize(
    ("kept", "share"),
    [
        (KeptLetters(0, None), 0),
        (KeptLetters(8_000, 0), 0.8),
        (KeptLetters(1, -24 * DAY), 0.8),
        (KeptLetters(5_000, -30 * DAY), 1),
        (KeptLetters(20_000, -15 * DAY), 2),
    ],
)
def test_the_bounds_are_ten_thousand_letters_and_thirty_days(kept: KeptLetters, share: float) -> None:
    assert used(kept, now=0) == pytest.approx(share)


def test_up_to_four_fifths_nothing_is_said_and_nothing_deleted(redis: Redis, log: pytest.LogCaptureFixture) -> None:
    bury(redis, 8)
    keep_house(redis)
    assert (log.text, figures(redis)) == ("", (8, 8, 0, 0))


def test_beyond_four_fifths_an_alarm_names_the_queue_and_the_numbers_once_an_hour(
    redis: Redis, log: pytest.LogCaptureFixture
) -> None:
    bury(redis, 9)
    put(redis, dead="x@example.com", queue=LAPSED, name="Lapsed")
    for _ in range(3):
        keep_house(redis)
    (alarm,) = log.messages
    assert alarm.startswith("default/audience/42 keeps 9 dead letters, the oldest for 0.0 days. Above 10, or after 30")
    assert "@" not in log.text
    assert figures(redis) == (9, 9, 0, 0)
    assert 3_590_000 < redis.pttl(keys.queue(VIPS, "alarmed")) <= 3_600_000
    redis.delete(keys.queue(VIPS, "alarmed"))
    keep_house(redis)
    assert len(log.messages) == 2


def test_the_oldest_beyond_the_bound_go_after_the_alarm_and_stay_counted(
    redis: Redis, log: pytest.LogCaptureFixture
) -> None:
    bury(redis, 13)
    before = [letter.id for letter in dead_letters.read(redis, VIPS)]
    keep_house(redis)
    assert ["keeps 13 dead letters" in log.messages[0], "3 dead letters were" in log.messages[1]] == [True, True]
    assert [letter.id for letter in dead_letters.read(redis, VIPS)] == before[3:]
    assert figures(redis) == (13, 10, 3, 0)
    assert redis.hlen(keys.queue(VIPS, "buried")) == 10, "and nothing leads to what is gone"
    dead_letters.purge(redis, VIPS, before[3:5])
    assert figures(redis) == (13, 8, 3, 0), "what an operator deletes is not evicted"


def test_letters_go_after_thirty_days_with_an_alarm_six_days_before(
    redis: Redis, log: pytest.LogCaptureFixture
) -> None:
    bury(redis, 2)
    now = now_ms()
    keep_house(redis, now + 24 * DAY - 10_000)
    assert log.messages == []
    keep_house(redis, now + 24 * DAY + 10_000)
    assert "the oldest for 24.0 days" in log.messages[0]
    keep_house(redis, now + 30 * DAY - 10_000)
    assert figures(redis) == (2, 2, 0, 0)
    keep_house(redis, now + 30 * DAY + 10_000)
    assert figures(redis) == (2, 0, 2, 0)


def test_many_more_than_fit_one_script_are_deleted(redis: Redis, log: pytest.LogCaptureFixture) -> None:
    bury(redis, 1_210)
    keep_house(redis)
    assert figures(redis) == (1_210, 10, 1_200, 0)


def test_it_is_done_once_a_minute_for_all_schedulers(redis: Redis, log: pytest.LogCaptureFixture) -> None:
    bury(redis, 9)
    housekeep(redis, now_ms())
    bury(redis, 9)
    housekeep(redis, now_ms())
    assert (len(log.messages), figures(redis)) == (1, (18, 18, 0, 0))
    assert EVERY_MS - 10_000 < redis.pttl(keys.HOUSEKEEPING) <= EVERY_MS


def test_a_housekeeping_that_takes_long_delays_no_tick(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, ended = threading.Event(), threading.Event()

    def for_long(*_: object) -> None:
        begun.set()
        ended.wait(60)

    monkeypatch.setattr(main, "housekeep", for_long)
    monkeypatch.setattr(main, "TICK_S", 1)
    ticks = main._ticks(redis, known("redis://nowhere"))
    ticks.start()
    try:
        assert begun.wait(60)
        for _ in range(2):
            redis.delete(keys.HEARTBEAT)
            until(lambda: redis.exists(keys.HEARTBEAT) == 1)
    finally:
        ended.set()
        ticks.shutdown()


def test_failed_jobs_are_kept_up_to_a_number_and_hold_batch_ids_only(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doorbell, "TASK", "worker.nothing.of_the_name")
    doorbell.ring(redis, [f"00-{number:032x}" for number in range(5)], now_ms())
    queue = doorbell.rq_queue(redis)
    SimpleWorker([queue], connection=redis, serializer=JSONSerializer).work(burst=True)
    assert queue.failed_job_registry.count == 5
    doorbell.forget_failures(redis, keep=2)
    kept = queue.failed_job_registry.get_job_ids()
    assert [job_id.partition("_")[0][-1] for job_id in kept] == ["3", "4"]
    assert len(list(redis.scan_iter("{ferry-rq}:job:*"))) == 2
    keep_house(redis)
    assert queue.failed_job_registry.count == 2 < FAILED_JOBS


def test_a_repair_whose_process_was_killed_is_given_up(redis: Redis, caplog: pytest.LogCaptureFixture) -> None:
    now = now_ms()
    members.begin(redis, VIPS, "07-repair", now - 1)
    put(redis, "a@example.com")
    assert redis.exists(keys.queue(VIPS, "recent"))
    keep_house(redis, now)
    assert not redis.exists(keys.queue(VIPS, "recent"))
    assert not redis.hexists(keys.queue(VIPS), "watching")
    assert f"`ferry reconcile {VIPS}`" in caplog.text
