"""What the ledger holds under person keys, and taking single changes of it out: nothing else goes with them."""

from __future__ import annotations

from typing import cast

import msgspec
import pytest
from redis import Redis

from queues import batches, dead_letters, keys, pending
from queues.acceptance import Acceptance, DeadOnArrival, accept
from queues.batches import Batch
from queues.census import count
from queues.change import Body, Change, decode, encode, is_blank, person_key
from queues.erasure import Carried, Erased, blank_out, carried, erase
from queues.names import Queue
from queues.policy import FlushPolicy
from queues.settlement import Settlement

NOW = 1_800_000_000_000
FIRST, SECOND = Queue("default", "audience", "1"), Queue("default", "event", "events")
ANN = person_key("email", "a@example.com")


def change(email: str, *others: str, at: int = NOW) -> bytes:
    person_keys = tuple(person_key("email" if "@" in value else "mpid", value) for value in (email, *others))
    return encode(person_keys, at, Body("add", at, "changes", "m", msgspec.Raw(b'{"email":"%s"}' % email.encode())))


def put(redis: Redis, queue: Queue, *changes: bytes, dead: tuple[bytes, ...] = (), at: int = NOW) -> None:
    letters = [DeadOnArrival(letter, "email_invalid", "x") for letter in dead]
    accept(redis, Acceptance(queue, FlushPolicy(), "", list(changes), letters), at)


def email_of(each: Change) -> str:
    return str(msgspec.json.decode(each.body.person)["email"])


def forget(redis: Redis, email: str, queue: Queue = FIRST) -> Erased:
    """Erase what is found under the key of an address, and has that address."""
    found = carried(redis, queue, [person_key("email", email)])
    changes = [each for each in found.pending if email_of(decode(each)) == email]
    letters = [each.id for each in found.letters if email_of(each.change) == email]
    return erase(redis, queue, changes, letters, NOW)


def emails(redis: Redis, queue: Queue) -> list[str]:
    waiting = cast("list[bytes]", redis.lrange(keys.queue(queue, "pending"), 0, -1))
    held = [decode(stored) for stored in waiting] + [letter.change for letter in dead_letters.read(redis, queue)]
    return [email_of(each) for each in held]


def take(redis: Redis, queue: Queue = FIRST) -> str:
    pending.flush(redis, queue, NOW)
    (seen,) = pending.look(redis, [queue])
    batch_id = pending.take(redis, seen, "operator", 100, NOW)
    assert batch_id
    return batch_id


def held(redis: Redis, batch_id: str, lease_ms: int = 1_000) -> Batch:
    batch = batches.reclaim(redis, batch_id, NOW, lease_ms)
    assert batch
    return batch


def test_what_waits_and_the_dead_letters_are_gone_and_counted_as_superseded(redis: Redis) -> None:
    put(redis, FIRST, change("a@example.com"), change("b@example.com"), dead=(change("a@example.com"),))
    put(redis, SECOND, change("a@example.com"), change("a@example.com"), change("c@example.com"))
    assert [forget(redis, "a@example.com", queue) for queue in (FIRST, SECOND)] == [Erased(1, 1), Erased(2, 0)]
    assert (emails(redis, FIRST), emails(redis, SECOND)) == (["b@example.com"], ["c@example.com"])
    first, second = count(redis, [FIRST, SECOND])
    assert (first.accepted, first.superseded, first.dead, first.waiting.pending) == (3, 2, 0, 1)
    assert (second.accepted, second.superseded, second.waiting.pending) == (3, 2, 1)
    assert redis.hgetall(keys.queue(FIRST, "buried")) == {}


def test_everything_that_carries_a_key_is_found_whosever_it_is(redis: Redis) -> None:
    ours, others = change("a@example.com", "17"), change("b@example.com", "17")
    put(redis, FIRST, ours, others, change("c@example.com"), dead=(others,))
    found = carried(redis, FIRST, [person_key("mpid", "17")])
    assert (list(found.pending), found.open) == ([ours, others], ())
    assert [email_of(letter.change) for letter in found.letters] == ["b@example.com"]


def test_only_what_is_named_goes_though_others_share_a_key(redis: Redis) -> None:
    put(redis, FIRST, change("a@example.com", "17"), change("b@example.com", "17"), change("17"))
    assert forget(redis, "a@example.com") == Erased(1, 0)
    assert emails(redis, FIRST) == ["b@example.com", "17"]


@pytest.mark.parametrize("persons", [[], [person_key("email", "nobody@example.com")]])
def test_under_no_key_and_under_an_unknown_one_there_is_nothing(redis: Redis, persons: list[str]) -> None:
    put(redis, FIRST, change("a@example.com"), dead=(change("a@example.com"),))
    take(redis)
    found = carried(redis, FIRST, persons)
    assert [*found.pending, *found.letters, *found.open] == []


def test_what_was_taken_or_replayed_since_it_was_found_is_not_counted(redis: Redis) -> None:
    put(redis, FIRST, change("a@example.com"), dead=(change("a@example.com"),))
    found = carried(redis, FIRST, [ANN])
    take(redis)
    dead_letters.purge(redis, FIRST, [letter.id for letter in found.letters])
    assert erase(redis, FIRST, found.pending, [letter.id for letter in found.letters], NOW) == Erased(0, 0)


def test_a_flush_that_was_asked_for_does_not_wait_for_the_erased(redis: Redis) -> None:
    put(redis, FIRST, *[change(f"p{i}@example.com") for i in range(5)])
    pending.flush(redis, FIRST, NOW)
    put(redis, FIRST, change("p1@example.com"), change("late@example.com"))
    forget(redis, "p1@example.com")
    (seen,) = pending.look(redis, [FIRST])
    assert (seen.waiting.pending, seen.waiting.asked) == (5, 4)


@pytest.mark.parametrize("people", [1, 999, 1_000, 1_001, 2_500])
def test_a_long_queue_is_read_to_its_end(redis: Redis, people: int) -> None:
    put(redis, FIRST, *[change(f"p{i}@example.com") for i in range(people)], change("a@example.com"))
    assert forget(redis, "a@example.com").pending == 1
    assert len(emails(redis, FIRST)) == people


def test_many_changes_go_among_many_and_identical_ones_too(redis: Redis) -> None:
    theirs, others_ = change("a@example.com"), [change(f"p{i}@example.com") for i in range(1_500)]
    put(redis, FIRST, theirs, *[each for other in others_ for each in (theirs, other, theirs)])
    assert len(carried(redis, FIRST, [ANN]).pending) == 3_001
    assert forget(redis, "a@example.com") == Erased(3_001, 0)
    assert emails(redis, FIRST) == [f"p{i}@example.com" for i in range(1_500)]
    assert [found.missing for found in count(redis, [FIRST])] == [0]


def test_looking_for_a_person_changes_nothing(redis: Redis) -> None:
    put(redis, FIRST, change("a@example.com", "17"), dead=(change("a@example.com", "18"),))
    before = count(redis, [FIRST])
    carried(redis, FIRST, [ANN])
    assert count(redis, [FIRST]) == before
    assert len(emails(redis, FIRST)) == 2


def test_repeating_it_changes_nothing(redis: Redis) -> None:
    put(redis, FIRST, change("a@example.com"), dead=(change("a@example.com"),))
    forget(redis, "a@example.com")
    before = count(redis, [FIRST])
    assert forget(redis, "a@example.com") == Erased(0, 0)
    assert count(redis, [FIRST]) == before


def in_open_batch(redis: Redis) -> tuple[str, Carried]:
    put(redis, FIRST, change("b@example.com"), change("a@example.com", "17"))
    batch_id = take(redis)
    return batch_id, carried(redis, FIRST, [ANN])


def test_of_a_change_in_an_open_batch_nothing_is_left_but_its_keys(redis: Redis) -> None:
    batch_id, found = in_open_batch(redis)
    (place,) = found.open
    assert (place.batch, place.number, email_of(place.change)) == (batch_id, 1, "a@example.com")
    assert blank_out(redis, batch_id, {place.number: place.change}, b"", b"{}")
    assert carried(redis, FIRST, [ANN]).open == []
    batch = held(redis, batch_id)
    assert [is_blank(each) for each in batch.changes] == [False, True]
    assert batch.changes[1].keys == place.change.keys, "so that its batch frees them"
    assert (batch.progress, batch.changes[1].accepted_at) == (b"{}", NOW)
    assert not any(b"a@example" in (redis.dump(key) or b"") for key in redis.scan_iter())


def test_not_while_a_worker_holds_the_batch_nor_once_one_died_over_it(redis: Redis) -> None:
    batch_id, found = in_open_batch(redis)
    (place,) = found.open
    batch = held(redis, batch_id)
    assert not blank_out(redis, batch_id, {place.number: place.change}, b"", b"")
    redis.hset(keys.batch(batch_id), "lease", 1)
    assert not blank_out(redis, batch_id, {place.number: place.change}, b"", b"")
    batches.submit(redis, batch, b"", ring_at=NOW)
    assert blank_out(redis, batch_id, {place.number: place.change}, b"", b"")


def test_not_where_the_batch_has_come_further_or_is_settled(redis: Redis) -> None:
    batch_id, found = in_open_batch(redis)
    (place,) = found.open
    batches.submit(redis, held(redis, batch_id), b'{"polls":1}', ring_at=NOW)
    assert not blank_out(redis, batch_id, {place.number: place.change}, b"", b"")
    batches.settle(redis, held(redis, batch_id), Settlement(), NOW)
    assert not blank_out(redis, batch_id, {place.number: place.change}, b'{"polls":1}', b"")
    assert redis.keys(f"*{batch_id}*") == [], "and nothing is made of it anew"
