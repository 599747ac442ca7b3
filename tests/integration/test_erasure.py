"""Forgetting a person: what the ledger holds of them is gone, and nothing else is."""

from __future__ import annotations

from typing import cast

import msgspec
import pytest
from redis import Redis

from queues import batches, dead_letters, keys, pending
from queues.acceptance import Acceptance, DeadOnArrival, accept
from queues.census import count
from queues.change import Body, decode, encode, person_key
from queues.erasure import Erased, erase, others
from queues.names import Queue
from queues.policy import FlushPolicy

NOW = 1_800_000_000_000
FIRST, SECOND = Queue("default", "audience", "1"), Queue("default", "event", "events")


def change(email: str, *others: str, at: int = NOW) -> bytes:
    person_keys = tuple(person_key("email" if "@" in value else "mpid", value) for value in (email, *others))
    return encode(person_keys, at, Body("add", at, "changes", "m", msgspec.Raw(b'{"email":"%s"}' % email.encode())))


def put(redis: Redis, queue: Queue, *changes: bytes, dead: tuple[bytes, ...] = (), at: int = NOW) -> None:
    letters = [DeadOnArrival(letter, "email_invalid", "x") for letter in dead]
    accept(redis, Acceptance(queue, FlushPolicy(), "", list(changes), letters), at)


def forget(redis: Redis, email: str, until: int = NOW) -> Erased:
    known = {person_key("email", email)}
    while news := others(redis, [FIRST, SECOND], known, until, NOW):
        known |= news
    return erase(redis, [FIRST, SECOND], known, until, NOW)


def emails(redis: Redis, queue: Queue) -> list[str]:
    waiting = cast("list[bytes]", redis.lrange(keys.queue(queue, "pending"), 0, -1))
    held = [decode(stored) for stored in waiting] + [letter.change for letter in dead_letters.read(redis, queue)]
    return [msgspec.json.decode(change.body.person)["email"] for change in held]


def test_what_waits_and_the_dead_letters_of_the_person_are_gone_and_counted_as_superseded(redis: Redis) -> None:
    put(redis, FIRST, change("a@example.com"), change("b@example.com"), dead=(change("A@example.com"),))
    put(redis, SECOND, change("a@example.com"), change("a@example.com"), change("c@example.com"))
    assert forget(redis, "a@example.com") == Erased(3, 1, ())
    assert (emails(redis, FIRST), emails(redis, SECOND)) == (["b@example.com"], ["c@example.com"])
    first, second = count(redis, [FIRST, SECOND])
    assert (first.accepted, first.superseded, first.dead, first.waiting.pending) == (3, 2, 0, 1)
    assert (second.accepted, second.superseded, second.waiting.pending) == (3, 2, 1)
    assert redis.hgetall(keys.queue(FIRST, "buried")) == {}


def test_the_person_is_found_under_every_key_that_leads_on(redis: Redis) -> None:
    put(redis, FIRST, change("17", "18"))
    put(redis, SECOND, change("old@example.com", "17"), change("18"), change("19"))
    assert forget(redis, "old@example.com") == Erased(3, 0, ())
    assert (emails(redis, FIRST), emails(redis, SECOND)) == ([], ["19"])


def test_a_phone_that_is_shared_leads_to_nobody_else(redis: Redis) -> None:
    consents = Queue("default", "consent", "consents")
    phone = "14155550132"
    put(redis, consents, change("a@example.com", phone), change("b@example.com", phone), change(phone))
    persons = [person_key("email", "a@example.com"), person_key("mpid", phone)]
    assert others(redis, [consents], persons, NOW, NOW) == set()
    assert erase(redis, [consents], persons, NOW, NOW) == Erased(2, 0, ())
    assert emails(redis, consents) == ["b@example.com"]


def test_what_came_after_the_erasure_was_asked_for_stays(redis: Redis) -> None:
    put(redis, FIRST, change("a@example.com"), change("a@example.com", at=NOW + 1))
    assert forget(redis, "a@example.com") == Erased(1, 0, ())
    assert emails(redis, FIRST) == ["a@example.com"]


def test_an_open_batch_is_named_and_left_alone(redis: Redis) -> None:
    put(redis, FIRST, change("a@example.com"))
    pending.flush(redis, FIRST, NOW)
    (seen,) = pending.look(redis, [FIRST])
    batch_id = pending.take(redis, seen, "operator", 100, NOW)
    assert batch_id
    assert forget(redis, "a@example.com") == Erased(0, 0, (FIRST,))
    batch = batches.reclaim(redis, batch_id, NOW, 1_000)
    assert batch
    assert len(batch.changes) == 1


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
    assert forget(redis, "a@example.com") == Erased(3_001, 0, ())
    assert emails(redis, FIRST) == [f"p{i}@example.com" for i in range(1_500)]
    assert [found.missing for found in count(redis, [FIRST])] == [0]


def test_looking_for_a_person_changes_nothing(redis: Redis) -> None:
    put(redis, FIRST, change("a@example.com", "17"), dead=(change("a@example.com", "18"),))
    before = count(redis, [FIRST])
    found = others(redis, [FIRST, SECOND], [person_key("email", "a@example.com")], NOW, NOW)
    assert found == {person_key("mpid", "17"), person_key("mpid", "18")}
    assert count(redis, [FIRST]) == before
    assert len(emails(redis, FIRST)) == 2


def test_repeating_it_changes_nothing(redis: Redis) -> None:
    put(redis, FIRST, change("a@example.com"), dead=(change("a@example.com"),))
    forget(redis, "a@example.com")
    before = count(redis, [FIRST])
    assert forget(redis, "a@example.com") == Erased(0, 0, ())
    assert count(redis, [FIRST]) == before
