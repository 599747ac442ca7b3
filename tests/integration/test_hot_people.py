"""People who change often: their changes leave together, and an open batch keeps nobody else waiting."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis

from configuration.connections import Connection, Connections
from queues import batches, keys, pending, unsettled
from queues.acceptance import Acceptance, accept
from queues.batches import Batch
from queues.change import Action, Body, Change, decode, encode, person_key
from queues.history import traces
from queues.names import Queue
from queues.policy import FlushPolicy, behind
from queues.settlement import Settlement
from scheduler import tick
from tests.support.ledger import NOW, QUEUE, hold, people, put, take_due
from tests.support.people import names

EVENTS = Queue("default", "event", "events")


def of(*identifiers: str, at: int = NOW, action: Action = "update", number: int = 0) -> bytes:
    """A change with these identifiers as person keys, the first of which names the person."""
    body = Body(action, at, "changes", str(number), msgspec.Raw(b'{"email":"%s"}' % identifiers[0].encode()))
    return encode(tuple(person_key("id", each) for each in identifiers), at, body)


def accepted(redis: Redis, changes: Sequence[bytes], queue: Queue = QUEUE) -> None:
    """Accept all, whatever messages were accepted before."""
    accept(redis, Acceptance(queue, FlushPolicy(), "", list(changes)), NOW)


def stored(redis: Redis, queue: Queue = QUEUE) -> list[bytes]:
    return cast("list[bytes]", redis.lrange(keys.queue(queue, "pending"), 0, -1))


def took(redis: Redis) -> list[Batch]:
    """Take what is due, and let workers hold it."""
    return [hold(redis, batch_id) for batch_id in take_due(redis, NOW)]


def took_all(redis: Redis) -> list[Batch]:
    """The same after a flush."""
    pending.flush(redis, QUEUE, NOW)
    return took(redis)


def settle(redis: Redis, *settled: Batch) -> None:
    for batch in settled:
        batches.settle(redis, batch, Settlement(), NOW)


def numbers(changes: Iterable[Change]) -> list[int]:
    """The number that each change was given."""
    return [int(change.body.message) for change in changes]


def number_of(name: str) -> int:
    return int(name.partition(":")[2])


def asked(redis: Redis) -> int:
    return pending.look(redis, [QUEUE])[0].waiting.asked


@dataclass
class Flat:
    """Taking, as a reader would say it: one list, people in open batches, and no portions.

    `waits`: names of changes and their identifiers, in order. `opened`: identifiers by batch.
    """

    waits: list[tuple[str, frozenset[str]]] = field(default_factory=list)
    opened: dict[str, set[str]] = field(default_factory=dict)

    def take(self, most_people: int) -> list[str]:
        """Return the names of what the next batch carries; the caller knows its id only afterwards."""
        busy = set().union(*self.opened.values())
        taken: list[str] = []
        persons: list[str] = []
        for name, identifiers in self.waits:
            if identifiers & busy:
                busy |= identifiers
                continue
            person = name.partition(":")[0]
            if person not in persons and len(persons) == most_people:
                busy |= identifiers
                continue
            if person not in persons:
                persons.append(person)
            taken.append(name)
        return taken

    def open(self, batch: str, names_: list[str]) -> None:
        took = [entry for entry in self.waits if entry[0] in names_]
        self.waits = [entry for entry in self.waits if entry[0] not in names_]
        self.opened[batch] = set().union(*(identifiers for _, identifiers in took))


PERSONS = st.lists(st.lists(st.sampled_from("abcdefg"), min_size=1, max_size=3, unique=True), max_size=25)


@given(rounds=st.lists(st.tuples(PERSONS, st.booleans()), min_size=1, max_size=6), most=st.integers(1, 4))
def test_what_is_taken_is_what_a_plain_list_would_give(
    flat_redis: Redis, rounds: list[tuple[list[list[str]], bool]], most: int
) -> None:
    flat_redis.flushall()
    flat, held, number = Flat(), dict[str, Batch](), 0
    for arrived, settles in rounds:
        for identifiers in arrived:
            number += 1
            accepted(flat_redis, [of(*identifiers, number=number)])
            flat.waits.append((f"{identifiers[0]}:{number}", frozenset(identifiers)))
        if settles and flat.opened:
            batch_id = next(iter(flat.opened))
            batches.settle(flat_redis, held.pop(batch_id), Settlement(), NOW)
            del flat.opened[batch_id]
        (seen,) = pending.look(flat_redis, [QUEUE])
        expected = flat.take(most) if len(flat.opened) < pending.UNSENT_AT_ONCE else []
        taken = pending.take(flat_redis, seen, "size", most, NOW)
        assert (taken is not None) == bool(expected)
        if taken:
            held[taken] = hold(flat_redis, taken)
            assert numbers(held[taken].changes) == [number_of(name) for name in expected]
            flat.open(taken, expected)
        assert numbers(map(decode, stored(flat_redis))) == [number_of(name) for name, _ in flat.waits]


@pytest.fixture(scope="module")
def flat_redis(redis_server: str) -> Iterator[Redis]:
    """A server that the test itself empties, because hypothesis runs many examples in one test."""
    with Redis.from_url(redis_server) as found:
        yield found


def test_ten_waiting_changes_each_of_150_people_are_as_many_batches_as_one_change_each(redis: Redis) -> None:
    crowd = names(150)
    put(redis, *crowd * 10)
    assert [people(batch) for batch in took_all(redis) + took(redis)] == [crowd[:100] * 10, crowd[100:] * 10]
    assert stored(redis) == []


@pytest.mark.parametrize("portion", [7, 1_000])
def test_ten_changes_each_of_150_people_leave_in_three_batches(
    redis: Redis, monkeypatch: pytest.MonkeyPatch, portion: int
) -> None:
    monkeypatch.setattr(pending, "TAKEN_AT_ONCE", portion)
    crowd = names(150)
    put(redis, *crowd)
    first = took(redis)
    put(redis, *crowd * 9)
    second = took(redis)
    assert [people(batch) for batch in first + second] == [crowd[:100], crowd[100:] * 10]
    settle(redis, *first, *second)
    (third,) = took(redis)
    assert people(third) == crowd[:100] * 9
    assert stored(redis) == []


def test_changes_of_somebody_passed_over_keep_their_order_even_by_another_identifier(redis: Redis) -> None:
    accepted(redis, [of("a", number=1)])
    first = took_all(redis)
    accepted(redis, [of("a", "b", number=2), of("b", "c", number=3), of("c", number=4), of("d", number=5)])
    (second,) = took_all(redis)
    assert numbers(second.changes) == [5]
    settle(redis, *first)
    (third,) = took(redis)
    assert numbers(third.changes) == [2, 3, 4]


def test_a_flush_is_not_complete_while_somebody_it_asked_for_is_passed_over(redis: Redis) -> None:
    accepted(redis, [of("hot", number=1)])
    first = took_all(redis)
    accepted(redis, [of("hot", number=2)])
    pending.flush(redis, QUEUE, NOW)
    put(redis, *names(120))
    (seen,) = pending.look(redis, [QUEUE])
    assert take_due(redis, NOW) == [], "nothing that was asked for can leave"
    assert behind(seen.waiting, FlushPolicy()) == 100
    taken = pending.take(redis, seen, "size", 100, NOW, behind=True)
    assert taken is not None
    assert people(hold(redis, taken)) == names(100), "others leave by size meanwhile"
    assert asked(redis) == 1
    settle(redis, *first)
    (last,) = took(redis)
    assert numbers(last.changes) == [2]
    assert (asked(redis), len(stored(redis))) == (0, 20)


def test_a_scheduler_takes_behind_a_flush_that_waits_for_an_open_batch(redis: Redis) -> None:
    connections = Connections({"default": Connection("default")})
    put(redis, "hot@example.com")
    pending.flush(redis, QUEUE, NOW)
    assert tick.take_due(redis, connections, NOW) == 1
    put(redis, "hot@example.com")
    pending.flush(redis, QUEUE, NOW)
    put(redis, *names(100))
    assert tick.take_due(redis, connections, NOW) == 1
    assert (asked(redis), len(stored(redis))) == (1, 1)


def test_no_call_reads_more_than_a_portion_behind_the_changes_passed_over(redis: Redis) -> None:
    accepted(redis, [of("hot")])
    took_all(redis)
    accepted(redis, [of("hot")] * (pending.PASSED_OVER + 1))
    put(redis, *names(100))
    assert took(redis) == [], "too many of one person wait at the head: the rest waits for the open batch"
    assert len(stored(redis)) == pending.PASSED_OVER + 101


def test_a_person_with_very_many_changes_leaves_in_several_batches(redis: Redis) -> None:
    accepted(redis, [of("hot", number=number) for number in range(2_500)])
    (first,) = took(redis)
    assert numbers(first.changes) == list(range(1_000))
    settle(redis, first)
    (second,) = took(redis)
    assert numbers(second.changes) == list(range(1_000, 2_000))


def test_events_are_counted_one_by_one_because_each_is_sent(redis: Redis) -> None:
    accepted(redis, [of("hot", action="event", number=number) for number in range(5)], EVENTS)
    (seen,) = pending.look(redis, [EVENTS])
    taken = pending.take(redis, seen, "size", 3, NOW)
    assert taken is not None
    assert numbers(hold(redis, taken).changes) == [0, 1, 2]


def test_who_is_passed_over_while_the_pending_changes_are_read_is_found(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    accepted(redis, [of("hot", number=0)])
    took_all(redis)
    accepted(redis, [of("hot", number=1), *[of(f"cold{number}", number=number) for number in range(2, 7)]])
    pending.flush(redis, QUEUE, NOW)
    page = unsettled.page

    def taken_meanwhile(redis: Redis, queue: Queue, start: int, stop: int) -> tuple[int, list[bytes]]:
        found = page(redis, queue, start, stop)
        took(redis)
        return found

    monkeypatch.setattr(traces, "_AT_ONCE", 2)
    monkeypatch.setattr(unsettled, "page", taken_meanwhile)
    found = traces.find(redis, QUEUE, [person_key("id", "hot")])
    assert numbers(each.change for each in found.waiting) == [1]


def test_pending_changes_are_still_found_by_their_ids_after_some_were_passed_over(redis: Redis) -> None:
    accepted(redis, [of("hot", number=1)])
    took_all(redis)
    accepted(redis, [of("hot", "x", number=2), of("cold", "y", number=3), of("late", "z", number=4)])
    wanted = [person_key("id", each) for each in "xyz"]
    assert numbers(traces.by_index(redis, QUEUE, wanted) or []) == [2, 3, 4]
    (seen,) = pending.look(redis, [QUEUE])
    assert pending.take(redis, seen, "size", 1, NOW) is not None
    assert numbers(traces.by_index(redis, QUEUE, wanted) or []) == [2, 4]
