"""When the runs of a query begin: each slot once, whatever number of schedulers runs and whenever one dies."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from redis import Redis

from alerts.facts import look
from queues import keys
from queues.doorbell import rq_queue
from queues.queries import leases, records, slots
from queues.queries.leases import HeldRun
from queues.queries.records import QueryRun
from scheduler import queries as schedule
from tests.support.queries import NAME, last, lease_over, ms, query, state, states

MINUTE = 60_000
START = ms("2026-12-01T09:30")
SLOT = ms("2026-12-01T10:00")


def taken(redis: Redis, run_id: str, now: int, at_once: int = 1) -> HeldRun | None:
    return leases.take(redis, run_id, "shop", at_once, now, MINUTE, 5_000)


def end(redis: Redis, held: HeldRun | None, **found: str) -> None:
    """A run ends well."""
    assert held is not None
    held.run.state = "submitted"
    assert leases.end(redis, held, found)


def test_a_new_schedule_starts_from_now_and_never_at_once(redis: Redis) -> None:
    assert schedule.begin_due(redis, [query()], SLOT) == 0
    assert state(redis).next == SLOT + 60 * MINUTE
    assert schedule.begin_due(redis, [query()], SLOT + 60 * MINUTE - 1) == 0
    assert schedule.begin_due(redis, [query()], SLOT + 60 * MINUTE) == 1


def test_a_changed_schedule_starts_from_now(redis: Redis) -> None:
    schedule.begin_due(redis, [query()], START)
    every = query(schedule=None, every_seconds=86_400)
    assert schedule.begin_due(redis, [every], SLOT + 1) == 0
    assert state(redis).next == ms("2026-12-02T00:00")
    assert schedule.begin_due(redis, [query(schedule=None)], SLOT + 2) == 0
    assert state(redis).next is None
    assert states(redis) == []


def test_a_run_is_named_by_query_and_slot_and_a_worker_is_rung(redis: Redis) -> None:
    schedule.begin_due(redis, [query()], START)
    schedule.begin_due(redis, [query()], SLOT + 1_000)
    run = last(redis)
    assert (run.id, run.state, run.by, run.slot) == ("vips-20261201T100000Z", "queued", "schedule", SLOT)
    assert schedule.ring(redis, [query()], SLOT + 1_000) == 1
    assert [job.partition("_")[0] for job in rq_queue(redis).job_ids] == [run.id]
    assert schedule.ring(redis, [query()], SLOT + 2_000) == 0
    assert schedule.ring(redis, [query()], SLOT + 1_000 + schedule.RING_AGAIN_MS) == 1
    assert len(rq_queue(redis).job_ids) == 1, "a run whose job waits gets no second one"


def test_the_worker_is_rung_after_the_jitter(redis: Redis) -> None:
    late = query(jitter_minutes=5)
    schedule.begin_due(redis, [late], START)
    schedule.begin_due(redis, [late], SLOT)
    ring_at = redis.zscore(keys.QUERY_RING, last(redis).id)
    assert ring_at is not None
    assert SLOT < ring_at < SLOT + 5 * MINUTE


def test_many_schedulers_claim_each_slot_once(redis: Redis) -> None:
    every = query(schedule=None, every_seconds=60)
    schedule.begin_due(redis, [every], SLOT)
    begun = []
    with ThreadPoolExecutor(8) as schedulers:
        for minute in range(1, 21):
            now = SLOT + minute * MINUTE
            begun.append(sum(schedulers.map(lambda at: schedule.begin_due(redis, [every], at), [now] * 8)))
            end(redis, taken(redis, last(redis).id, now))
    assert begun == [1] * 20
    assert len({run.slot for run in records.runs(redis, NAME)}) == 20


def test_a_scheduler_that_saw_an_older_state_changes_nothing(redis: Redis) -> None:
    schedule.begin_due(redis, [query()], START)
    seen = state(redis)
    run = QueryRun("vips-1", NAME, "queued", "schedule", SLOT, SLOT)
    assert slots.claim(redis, NAME, seen, seen.schedule, SLOT + 1, run, SLOT) == "claimed"
    assert slots.claim(redis, NAME, seen, seen.schedule, SLOT + 1, run, SLOT) == "lost"
    assert states(redis) == ["queued"]


def test_of_the_slots_missed_in_an_outage_one_is_made_up_for(redis: Redis) -> None:
    schedule.begin_due(redis, [query()], START)
    assert schedule.begin_due(redis, [query()], ms("2026-12-03T15:20")) == 1
    assert (last(redis).slot, states(redis)) == (ms("2026-12-03T15:00"), ["queued"])
    assert state(redis).next == ms("2026-12-03T16:00")


def test_a_slot_beyond_the_catch_up_is_recorded_as_missed(redis: Redis) -> None:
    short = query(catch_up_seconds=600)
    schedule.begin_due(redis, [short], START)
    assert schedule.begin_due(redis, [short], SLOT + 11 * MINUTE) == 0
    assert (states(redis), last(redis).slot, last(redis).error) == (["missed"], SLOT, "missed")
    assert schedule.ring(redis, [short], SLOT + 11 * MINUTE) == 0
    assert schedule.begin_due(redis, [short], SLOT + 60 * MINUTE) == 1


def test_a_slot_that_comes_while_a_run_reads_is_skipped_and_counted(redis: Redis) -> None:
    schedule.begin_due(redis, [query()], START)
    for hour in range(4):
        schedule.begin_due(redis, [query()], SLOT + hour * 60 * MINUTE)
    assert states(redis) == ["queued", "skipped", "skipped", "skipped"]
    assert state(redis).skips == 3
    assert "still waited for a free worker" in last(redis).remedy
    held = taken(redis, records.runs(redis, NAME)[-1].id, SLOT)
    assert held is not None
    held.run.state = "reading"
    assert leases.renew(redis, held, SLOT, MINUTE)
    schedule.begin_due(redis, [query()], SLOT + 4 * 60 * MINUTE)
    assert "raise the interval" in last(redis).remedy
    end(redis, held, skips="0")
    assert schedule.begin_due(redis, [query()], SLOT + 5 * 60 * MINUTE) == 1
    assert state(redis).skips == 0


def test_the_last_result_and_the_run_in_progress_are_found_behind_many_skipped_slots(redis: Redis) -> None:
    assert records.last_runs(redis, [NAME]) == {}
    schedule.begin_due(redis, [query()], START)
    for hour in range(25):
        schedule.begin_due(redis, [query()], SLOT + hour * 60 * MINUTE)
        if hour == 0:
            end(redis, taken(redis, last(redis).id, SLOT), skips="0")
    assert states(redis) == ["submitted", "queued", *["skipped"] * 23]
    (found,) = look(redis, [query()]).queries
    assert found.last is not None
    assert found.running is not None
    assert (found.last.run.slot, found.running.slot) == (SLOT, SLOT + 60 * MINUTE)


def test_a_paused_query_goes_on_from_the_next_slot(redis: Redis) -> None:
    schedule.begin_due(redis, [query()], START)
    assert slots.pause(redis, NAME, "migration", "cli:ann", START)
    assert not slots.pause(redis, NAME, "another", "cli:bob", START)
    assert schedule.begin_due(redis, [query()], SLOT) == 0
    assert state(redis).pause == records.Pause("migration", "cli:ann", START)
    assert slots.resume(redis, NAME)
    assert not slots.resume(redis, NAME)
    assert schedule.begin_due(redis, [query()], SLOT + 30 * MINUTE) == 0
    assert schedule.begin_due(redis, [query()], SLOT + 60 * MINUTE) == 1
    assert schedule.begin_due(redis, [query(paused=True)], SLOT + 120 * MINUTE) == 0
    assert len(states(redis)) == 1


def test_a_run_by_hand_moves_no_slot_and_is_refused_while_one_runs(redis: Redis) -> None:
    schedule.begin_due(redis, [query()], START)
    first, begun = slots.order(redis, NAME, "api:ann", START, "key-1", confirmed=True)
    assert begun
    assert slots.order(redis, NAME, "api:ann", START + 1, "key-1", confirmed=True) == (first, True)
    assert slots.order(redis, NAME, "api:ann", START + 1, "key-2") == (first, False)
    assert slots.order(redis, NAME, "cli:bob", START + 1) == (first, False)
    assert (state(redis).next, states(redis), last(redis).confirmed) == (SLOT, ["queued"], True)


def test_one_worker_has_a_run_and_a_silent_one_loses_it(redis: Redis) -> None:
    run_id, _ = slots.order(redis, NAME, "cli:ann", START)
    first = taken(redis, run_id, START)
    assert first is not None
    assert taken(redis, run_id, START + 1) is None
    assert leases.to_ring(redis, START + MINUTE - 1) == []
    assert leases.to_ring(redis, START + MINUTE) == [run_id]
    second = taken(redis, run_id, START + MINUTE)
    assert second is not None
    assert (first.crashes, second.crashes) == (0, 1)
    assert not leases.renew(redis, first, START + MINUTE, MINUTE)
    assert not leases.end(redis, first, {})
    assert leases.give_back(redis, second, START + MINUTE)
    third = taken(redis, run_id, START + MINUTE)
    assert third is not None
    assert third.crashes == 1, "a run that was given back did not crash"
    end(redis, third)
    assert (state(redis).running, leases.to_ring(redis, START * 2)) == ("", [])
    assert taken(redis, run_id, START + MINUTE) is None


def test_the_runs_of_one_source_read_one_at_a_time(redis: Redis) -> None:
    one, _ = slots.order(redis, "one", "cli:ann", START)
    two, _ = slots.order(redis, "two", "cli:ann", START)
    first = taken(redis, one, START)
    assert taken(redis, two, START) is None
    assert leases.to_ring(redis, START) == []
    assert leases.to_ring(redis, START + 5_000) == [two]
    assert taken(redis, two, START + 1, at_once=2) is not None
    lease_over(redis, two)
    end(redis, first)
    assert taken(redis, two, START + 2) is not None


def test_a_run_is_cancelled_by_the_worker_that_has_it(redis: Redis) -> None:
    run_id, _ = slots.order(redis, NAME, "cli:ann", START)
    held = taken(redis, run_id, START)
    assert held is not None
    assert leases.cancel(redis, run_id, START)
    assert leases.renew(redis, held, START, MINUTE)
    assert held.cancelled
    end(redis, held)
    assert not leases.cancel(redis, run_id, START)


def test_only_the_last_records_are_kept_and_never_fewer_than_run(redis: Redis) -> None:
    every = query(schedule=None, every_seconds=60)
    schedule.begin_due(redis, [every], SLOT)
    for minute in range(1, records.RUNS + 10):
        schedule.begin_due(redis, [every], SLOT + minute * MINUTE)
    assert records.run(redis, slots.slot_id(NAME, SLOT + MINUTE)) is not None, "it is still reading"
    assert len([*redis.scan_iter(keys.query_run("*"))]) == records.RUNS + 1
