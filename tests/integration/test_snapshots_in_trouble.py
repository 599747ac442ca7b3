"""What a snapshot must not do unasked, and what becomes of one that cannot be carried out."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from redis import Redis
from rq.timeouts import JobTimeoutException

from queues import bounds, dead_letters, holds, keys
from queues.acceptance import Acceptance, DeadOnArrival, accept
from queues.change import Body, encode, person_key
from queues.clock import now_ms
from queues.holds import release
from queues.names import Queue
from queues.policy import FlushPolicy
from queues.snapshots import guard, members, mirror, orders, rosters
from tests.support import oracle
from tests.support.mirrored import Mirrored, mirrored
from tests.support.recovery import open_batches
from tests.support.snapshot_audience import NAME, QUEUE, SYNCS, single
from tests.support.world import addresses
from worker import refusals
from worker.deliver import MAX_CRASHES
from worker.snapshots import apply, baseline, kind
from worker.snapshots.plan import MAX_STARTS

PEOPLE = addresses(120)


def work(lists: Mirrored) -> None:
    for _ in range(4):
        lists.system.work()


@pytest.fixture
def in_twenties(redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirrored]:
    """Lists whose queues are flushed long before one with room for forty is full."""
    with mirrored(redis, redis_url, monkeypatch, FERRY_FLUSH_SIZE="20") as found:
        yield found


@pytest.fixture
def held(lists: Mirrored) -> str:
    """A snapshot that would take more than 30 % off the list."""
    lists.sync(*PEOPLE)
    name = lists.send(*PEOPLE[:80])
    work(lists)
    return name


def test_a_snapshot_that_would_take_many_off_the_list_waits_for_a_person(lists: Mirrored, held: str) -> None:
    assert lists.members() == set(PEOPLE)
    hold, record = lists.hold(), lists.record(held)
    assert hold is not None
    assert (hold.reason, record.state) == (guard.GUARD, "held")
    for told in ("40 of 120", "33.3 %", f"ferry release {SYNCS}", "corrected snapshot"):
        assert told in hold.resolve
    assert record.counts is not None
    assert (record.counts.held, record.counts.removals) == (120, 40)


def test_what_a_person_has_seen_and_released_is_carried_out(lists: Mirrored, held: str) -> None:
    guard.confirm(lists.redis, SYNCS, held)
    release(lists.redis, SYNCS)
    lists.settle()
    assert lists.members() == lists.known() == set(PEOPLE[:80])
    assert lists.record(held).state == "delivered"
    assert lists.left_over() == []


def test_a_release_without_a_word_of_the_numbers_asks_again(lists: Mirrored, held: str) -> None:
    release(lists.redis, SYNCS)
    work(lists)
    assert lists.hold() is not None
    assert (lists.record(held).state, lists.members()) == ("held", set(PEOPLE))


def test_a_corrected_snapshot_takes_the_place_of_the_held_one(lists: Mirrored, held: str) -> None:
    name = lists.send(*PEOPLE[:119])
    guard.replace_held(lists.redis, SYNCS)
    lists.settle()
    assert (lists.record(held).state, lists.record(name).state) == ("superseded", "delivered")
    assert lists.members() == set(PEOPLE[:119])
    assert (lists.superseded(), lists.left_over()) == (1, [])


def test_a_correction_that_comes_just_before_the_hold_is_not_shut_out(
    lists: Mirrored, monkeypatch: pytest.MonkeyPatch
) -> None:
    lists.sync(*PEOPLE)
    lists.send(*PEOPLE[:80])
    original = holds.place

    def late(redis: Redis, on: Queue | str, hold: holds.Hold) -> bool:
        lists.send(*PEOPLE[:119])
        monkeypatch.setattr(holds, "place", original)
        return original(redis, on, hold)

    monkeypatch.setattr(holds, "place", late)
    work(lists)
    lists.settle()
    assert lists.hold() is None
    assert lists.members() == set(PEOPLE[:119])


@pytest.mark.parametrize("order", [{}, {"confirmed": True}])
def test_an_empty_snapshot_empties_no_list_unless_the_sender_says_so(lists: Mirrored, order: dict[str, bool]) -> None:
    lists.sync("ann@example.com")
    lists.send(**order)
    work(lists)
    assert (lists.hold() is None) == bool(order)
    assert lists.members() == (set() if order else {"ann@example.com"})


def test_an_empty_body_is_an_empty_snapshot_and_no_lost_one(lists: Mirrored) -> None:
    lists.sync("ann@example.com")
    lists.send_body(b"", "ndjson", confirmed=True)
    lists.settle()
    assert (lists.members(), lists.letters()) == (set(), {})


BROKEN: dict[str, tuple[bytes, dict[str, Any], str]] = {
    "cut off": (gzip.compress(b'{"email": "ann@example.com"}\n' * 900)[:-10], {"gzip": True}, "truncated"),
    "a bad line": (b'{"email": "ann@example.com"}\n{"email": \n', {}, "line 2"),
    "too few rows": (b'{"email": "ann@example.com"}\n', {"rows": 2}, "1 rows came, 2 were announced"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_cannot_be_read_whole_changes_nothing(lists: Mirrored, case: str) -> None:
    lists.sync("bob@example.com")
    body, order, told = BROKEN[case]
    name = lists.send_body(body, "ndjson", **order)
    lists.settle()
    assert (lists.members(), lists.known()) == ({"bob@example.com"}, {"bob@example.com"})
    assert told in lists.letters()["snapshot_unreadable"]
    record = lists.record(name)
    assert record.state == "failed"
    assert told in record.error
    assert (lists.left_over(), lists.waiting()) == ([], 0)
    assert [*oracle.quiet(lists.redis)] == []


def test_a_good_snapshot_makes_the_dead_one_before_it_void(lists: Mirrored) -> None:
    lists.send_body(b"{", "ndjson")
    lists.settle()
    assert lists.letters().keys() == {"snapshot_unreadable"}
    lists.sync("ann@example.com")
    assert lists.letters() == {}


def test_a_body_that_is_lost_is_no_empty_snapshot(lists: Mirrored) -> None:
    lists.sync("ann@example.com")
    name = lists.send("bob@example.com", confirmed=True)
    lists.redis.delete(keys.snapshot(name, "body"))
    lists.settle()
    assert lists.members() == {"ann@example.com"}
    assert lists.letters().keys() == {"snapshot_gone"}
    assert lists.record(name).state == "failed"


def test_a_dead_snapshot_that_is_replayed_says_that_its_body_is_gone(lists: Mirrored) -> None:
    lists.send_body(b"{", "ndjson")
    lists.settle()
    (letter,) = dead_letters.read(lists.redis, SYNCS)
    dead_letters.replay(lists.redis, SYNCS, [letter.id], now_ms())
    lists.settle()
    assert lists.letters().keys() == {"snapshot_gone"}


def test_an_older_snapshot_that_comes_later_is_superseded(lists: Mirrored) -> None:
    newer = lists.send("ann@example.com")
    older = lists.send("bob@example.com", at=lists.at - 5_000)
    lists.settle()
    assert (lists.record(newer).state, lists.record(older).state) == ("delivered", "superseded")
    assert lists.members() == {"ann@example.com"}


def test_a_newer_snapshot_that_waits_is_carried_out_instead(lists: Mirrored) -> None:
    first, second = lists.send("ann@example.com"), lists.send("bob@example.com")
    lists.settle()
    assert (lists.record(first).state, lists.record(second).state) == ("superseded", "delivered")
    assert lists.members() == {"bob@example.com"}


def test_a_snapshot_over_which_workers_die_is_given_up_and_frees_its_audience(lists: Mirrored) -> None:
    policy = lists.system.connections.named("default").policy
    holds.place(lists.redis, QUEUE, holds.Hold("by hand", now_ms()))
    single(lists.redis, policy, "bob@example.com", on=True, at=lists.later())
    name = lists.send("ann@example.com")
    work(lists)  # it waits for Bob, who is held
    (batch_id,) = open_batches(lists.redis)
    lists.redis.hset(keys.batch(batch_id), "crashes", MAX_CRASHES)
    work(lists)
    assert lists.record(name).state == "failed"
    assert lists.letters().keys() == {"crashed_worker"}
    assert lists.left_over() == []
    release(lists.redis, QUEUE)
    lists.settle()
    lists.sync("ann@example.com")
    assert lists.members() == {"ann@example.com"}


def test_klaviyo_out_of_order_for_good_refuses_the_snapshot_and_frees_its_audience(
    lists: Mirrored, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusals, "MAX_ATTEMPTS", 1)
    lists.klaviyo.has_list(NAME, ["ann@example.com"])
    fault = {"fault": "500", "match": {"path": "/api/lists/"}}
    lists.klaviyo.control("faults", **fault)
    name = lists.send("bob@example.com")
    lists.settle()
    assert (lists.record(name).state, lists.left_over()) == ("failed", [])
    lists.sync("bob@example.com")
    assert lists.members() == {"bob@example.com"}


def test_a_full_queue_is_gone_on_with_where_it_was(in_twenties: Mirrored, monkeypatch: pytest.MonkeyPatch) -> None:
    lists = in_twenties
    original: Any = mirror.mirror
    calls: list[int] = []

    def small(*given: Any) -> Any:
        calls.append(given[4])
        return original(*given, most=40)

    monkeypatch.setattr(mirror, "mirror", small)
    name = lists.send(*PEOPLE)
    lists.settle()
    assert lists.members() == lists.known() == set(PEOPLE)
    assert lists.record(name).state == "delivered"
    record = lists.record(name)
    assert record.counts is not None
    assert record.counts.adds == 120  # as it was planned, not what was left of it
    assert len(calls) > len(set(calls)) > 1


def test_a_full_queue_is_not_read_for_before_it_has_room(
    in_twenties: Mirrored, monkeypatch: pytest.MonkeyPatch
) -> None:
    lists = in_twenties
    original: Any = mirror.mirror
    read = orders.body
    reads: list[str] = []
    monkeypatch.setattr(mirror, "mirror", lambda *given: original(*given, most=40))
    monkeypatch.setattr(bounds, "PENDING_IN_QUEUE", 40)

    def body(redis: Redis, name: str) -> Iterator[bytes]:
        reads.append(name)
        return read(redis, name)

    monkeypatch.setattr(orders, "body", body)
    lists.send(*PEOPLE)
    for _ in range(20):
        lists.system.work()
        if lists.waiting():
            holds.place(lists.redis, QUEUE, holds.Hold("by hand", now_ms()))
    before = len(reads)
    work(lists)
    assert len(reads) == before
    release(lists.redis, QUEUE)
    lists.settle()
    assert lists.members() == set(PEOPLE)


def test_another_one_that_watches_meanwhile_has_it_begin_again(
    lists: Mirrored, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A repair of the ledger, by hand, while the first snapshot is carried out: the list is read again, and whole."""
    lists.klaviyo.has_list(NAME, PEOPLE)
    monkeypatch.setattr(baseline, "PORTION", 30)
    original = mirror.mirror

    def replaced(redis: Redis, *given: Any) -> int:
        monkeypatch.setattr(mirror, "mirror", original)
        members.begin(redis, QUEUE, "07-repair")
        return original(redis, *given)

    monkeypatch.setattr(mirror, "mirror", replaced)
    name = lists.send(*PEOPLE[:60], confirmed=True)
    lists.settle()
    assert lists.record(name).state == "delivered"
    assert lists.members() == lists.known() == set(PEOPLE[:60])
    assert lists.left_over() == []


def test_what_was_read_of_the_list_a_day_ago_is_read_again(lists: Mirrored, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection is held for a weekend in the midst of reading, and the first part has gone away meanwhile."""
    lists.klaviyo.has_list(NAME, PEOPLE)
    monkeypatch.setattr(baseline, "PORTION", 30)
    original = rosters.add
    calls: list[int] = []

    def add(redis: Redis, snapshot_id: str, people: list[rosters.Identities]) -> None:
        calls.append(len(people))
        if len(calls) == 3:
            rosters.drop(redis, snapshot_id)
        original(redis, snapshot_id, people)

    monkeypatch.setattr(rosters, "add", add)
    lists.send(*PEOPLE[:60], confirmed=True)
    lists.settle()
    assert len(calls) > 4
    assert lists.members() == lists.known() == set(PEOPLE[:60])
    assert lists.left_over() == []


def test_a_snapshot_that_no_worker_gets_through_in_its_time_is_refused(
    lists: Mirrored, monkeypatch: pytest.MonkeyPatch
) -> None:
    lists.sync("bob@example.com")
    starts: list[int] = []

    def endless(of: Any, _: object) -> Any:
        starts.append(1)
        raise JobTimeoutException("900 s")

    with monkeypatch.context() as patch:
        patch.setattr(kind, "compared", endless)
        name = lists.send("ann@example.com", confirmed=True)
        lists.settle()
    assert len(starts) == MAX_STARTS
    assert (lists.members(), lists.left_over()) == ({"bob@example.com"}, [])
    record = lists.record(name)
    assert record.state == "failed"
    assert "snapshot_endless: 5 workers began to read it and none finished: each died or reached" in record.error
    lists.sync("ann@example.com")
    assert lists.members() == {"ann@example.com"}


def test_starts_are_counted_from_where_one_got_through(lists: Mirrored, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a big one each worker queues a part."""
    original = mirror.mirror
    calls: list[int] = []

    def some(*given: Any) -> int:
        calls.append(1)
        if len(calls) % 8 == 0:
            raise JobTimeoutException("900 s")
        return original(*given)

    monkeypatch.setattr(mirror, "mirror", some)
    monkeypatch.setattr(apply, "NOTE_EVERY", 4)
    name = lists.send(*PEOPLE)
    lists.settle()
    assert len(calls) // 8 > MAX_STARTS
    assert (lists.record(name).state, lists.members()) == ("delivered", set(PEOPLE))


def test_a_dead_letter_of_a_later_time_than_the_snapshot_stays(lists: Mirrored) -> None:
    """Bob was taken off twice in vain, the second time after the time of the snapshot, which names him."""
    lists.sync("ann@example.com", "bob@example.com")
    between = lists.later()
    for at in (lists.at - 500, lists.at + 500):
        told = msgspec.Raw(b'{"email":"bob@example.com"}')
        change = encode((person_key("email", "bob@example.com"),), now_ms(), Body("remove", at, "changes", "", told))
        letter = DeadOnArrival(change, "gave_up", "{}")
        accept(lists.redis, Acceptance(QUEUE, FlushPolicy(), dead=[letter]), now_ms())
    lists.sync("ann@example.com", "bob@example.com", at=between)
    letters = [*dead_letters.read(lists.redis, QUEUE)]
    assert [letter.change.body.at for letter in letters][-1:] == [between + 500]


def test_who_is_on_the_list_with_a_field_not_cleared_is_taken_off_by_a_snapshot(lists: Mirrored) -> None:
    lists.sync("ann@example.com")
    lists.klaviyo.control("faults", fault="400", times=50, match={"path": "/api/profile-import"})
    told = msgspec.Raw(b'{"email":"bob@example.com","attributes":{"first_name":null}}')
    body = Body("add", lists.later(), "changes", "", told)
    change = encode((person_key("email", "bob@example.com"),), now_ms(), body)
    accept(lists.redis, Acceptance(QUEUE, FlushPolicy(), changes=[change]), now_ms())
    lists.settle()
    assert len(lists.dead()) == 1
    assert lists.members() == lists.known() == {"ann@example.com", "bob@example.com"}
    lists.sync("ann@example.com")
    assert lists.members() == {"ann@example.com"}
