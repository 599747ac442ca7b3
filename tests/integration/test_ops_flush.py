from __future__ import annotations

from pathlib import Path

import pytest
from redis import Redis

from queues import holds, keys
from queues.acceptance import Acceptance, accept
from queues.census import count
from queues.clock import now_ms
from queues.holds import Hold
from queues.names import Queue
from queues.policy import FlushPolicy
from tests.support.delivering import processes
from tests.support.ops import LAPSED, VIPS, change, ferry, put
from tests.support.people import names
from tests.support.waiting import until

EVENTS = Queue("default", "event", "events")


@pytest.fixture
def filled(redis: Redis) -> Redis:
    put(redis, *names(30))
    put(redis, *names(250), queue=LAPSED, name="Lapsed")
    return redis


def test_what_waits_in_the_named_queue_is_asked_for_and_a_scheduler_woken(
    filled: Redis, redis_url: str, tmp_path: Path
) -> None:
    told = ferry(redis_url, tmp_path, "flush", "vips")
    assert (told.exit_code, told.stdout) == (0, "VIPs  default/audience/42: 30 changes to be sent\n")
    vips, lapsed = count(filled, [VIPS, LAPSED])
    assert (vips.waiting.asked, lapsed.waiting.asked) == (30, 0)
    assert filled.llen(keys.WAKE) == 1


def test_all_queues_are_asked_for_and_empty_ones_say_so(filled: Redis, redis_url: str, tmp_path: Path) -> None:
    filled.delete(keys.queue(VIPS, "pending"))
    told = ferry(redis_url, tmp_path, "flush", "--all")
    assert told.stdout == (
        "Lapsed  brand-b/audience/43: 250 changes to be sent\nVIPs  default/audience/42: no pending changes\n"
    )


def test_a_queue_of_no_audience_is_named_by_what_it_holds(redis: Redis, redis_url: str, tmp_path: Path) -> None:
    accept(redis, Acceptance(EVENTS, FlushPolicy(), "", [change("a@example.com")]), now_ms())
    told = ferry(redis_url, tmp_path, "flush", "events")
    assert (told.exit_code, told.stdout) == (0, "(event)  default/event/events: 1 change to be sent\n")


def test_waiting_ends_when_all_that_was_asked_for_is_settled(filled: Redis, redis_url: str, tmp_path: Path) -> None:
    with processes(filled, redis_url):
        told = ferry(redis_url, tmp_path, "flush", "--all", "--wait")
    assert told.exit_code == 0, told.output
    assert told.stdout.endswith("All settled: 280 changes, no dead letters.\n")
    assert "280/280" in told.stderr
    assert [each.delivered for each in count(filled, [VIPS, LAPSED])] == [30, 250]


def test_dead_letters_end_the_waiting_with_1_and_their_reasons(filled: Redis, redis_url: str, tmp_path: Path) -> None:
    with processes(filled, redis_url, dead=3):
        told = ferry(redis_url, tmp_path, "flush", "42", "--wait")
    assert told.exit_code == 1
    assert "all settled, but 3 changes became dead letters:\n  default/audience/42: 3 no_email\n" in told.stderr


def test_letters_that_died_before_are_not_counted_again(redis: Redis, redis_url: str, tmp_path: Path) -> None:
    put(redis, "a@example.com", dead="dead@example.com")
    died = now_ms()
    until(lambda: now_ms() > died)
    with processes(redis, redis_url):
        assert ferry(redis_url, tmp_path, "flush", "42", "--wait").exit_code == 0


def test_nobody_waits_for_a_held_queue(filled: Redis, redis_url: str, tmp_path: Path) -> None:
    holds.place(filled, "default", Hold("unauthenticated", now_ms(), "Give it a key."))
    with processes(filled, redis_url):
        told = ferry(redis_url, tmp_path, "flush", "42", "--wait")
    assert told.exit_code == 1
    assert "it is held (unauthenticated), so nothing is sent until the hold ends" in told.stdout
    assert "30 changes of default/audience/42 stay where they are. Give it a key." in told.stderr
    assert "ferry release default\n" in told.stderr


def test_what_is_not_held_is_waited_for_before_the_holds_are_named(
    filled: Redis, redis_url: str, tmp_path: Path
) -> None:
    holds.place(filled, VIPS, Hold("list_gone", now_ms(), "Restore it."))
    with processes(filled, redis_url):
        told = ferry(redis_url, tmp_path, "flush", "--all", "--wait")
    assert told.exit_code == 1
    assert (
        "default/audience/42 is held (list_gone); 30 changes of default/audience/42 stay where they are." in told.stderr
    )
    assert [each.delivered for each in count(filled, [VIPS, LAPSED])] == [0, 250]


def test_one_change_is_spoken_of_as_one(redis: Redis, redis_url: str, tmp_path: Path) -> None:
    put(redis, "a@example.com")
    holds.place(redis, VIPS, Hold("list_gone", now_ms(), "Restore it."))
    told = ferry(redis_url, tmp_path, "flush", "42", "--wait")
    assert "1 change of default/audience/42 stays where it is. Restore it." in told.stderr


def test_nobody_waits_without_a_scheduler_or_a_worker(filled: Redis, redis_url: str, tmp_path: Path) -> None:
    told = ferry(redis_url, tmp_path, "flush", "42", "--wait")
    assert (told.exit_code, "no scheduler is running" in told.stderr) == (1, True)
    filled.set(keys.HEARTBEAT, now_ms())
    told = ferry(redis_url, tmp_path, "flush", "42", "--wait")
    assert (told.exit_code, "no worker is running" in told.stderr) == (1, True)
    assert count(filled, [VIPS])[0].waiting.asked == 30, "it stays asked for"


def test_an_unknown_queue_changes_nothing_and_ends_with_2(filled: Redis, redis_url: str, tmp_path: Path) -> None:
    told = ferry(redis_url, tmp_path, "flush", "VIPs", "laps")
    assert (told.exit_code, "Similar names:\n  Lapsed\n" in told.stderr) == (2, True)
    assert count(filled, [VIPS])[0].waiting.asked == 0
