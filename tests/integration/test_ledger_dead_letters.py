"""Dead letters on a real server: where a replay puts them, and what becomes of the others."""

from __future__ import annotations

from redis import Redis

from queues import batches, dead_letters, keys, pending
from queues.acceptance import Acceptance, DeadOnArrival, accept
from queues.policy import FlushPolicy
from queues.settlement import Settlement
from tests.support.ledger import HOUR, NOW, QUEUE, change, hold, letter_of, on_every_server, people, put, take_due
from tests.support.people import names

pytestmark = on_every_server


def test_a_dead_letter_is_replayed_in_front_of_what_was_accepted_after_it(redis: Redis) -> None:
    letter = DeadOnArrival(change("dead@example.com"), "malformed", "$.user_profiles[0]")
    accept(redis, Acceptance(QUEUE, FlushPolicy(), "", [], [letter]), NOW)
    put(redis, "a@example.com", at=NOW + HOUR)
    (kept,) = dead_letters.read(redis, QUEUE)
    assert (kept.reason, kept.detail) == ("malformed", {"detail": "$.user_profiles[0]"})
    assert dead_letters.replay(redis, QUEUE, [kept.id, kept.id], NOW + HOUR).replayed == 1
    assert list(dead_letters.read(redis, QUEUE)) == []
    pending.flush(redis, QUEUE, NOW + HOUR)
    (batch_id,) = take_due(redis, NOW + HOUR)
    batch = hold(redis, batch_id, NOW + HOUR)
    assert people(batch) == ["dead@example.com", "a@example.com"]


def test_a_dead_letter_is_replayed_behind_what_is_older_and_in_front_of_what_is_newer(redis: Redis) -> None:
    put(redis, "a@example.com", at=NOW)
    letters = [DeadOnArrival(change("dead@example.com", NOW + at), "x", "") for at in (10, 20)]
    accept(redis, Acceptance(QUEUE, FlushPolicy(), "", [], letters), NOW + 20)
    put(redis, "b@example.com", at=NOW + 20)
    put(redis, "dead@example.com", at=NOW + 30)
    for letter in list(dead_letters.read(redis, QUEUE)):
        dead_letters.replay(redis, QUEUE, [letter.id], NOW + 40)
    times = [stored[1:14] for stored in redis.lrange(keys.queue(QUEUE, "pending"), 0, -1)]
    assert [int(time) - NOW for time in times] == [0, 10, 20, 20, 30]


def test_a_dead_letter_of_somebody_in_an_open_batch_stays_until_that_is_settled(redis: Redis) -> None:
    accept(redis, Acceptance(QUEUE, FlushPolicy(), "", [], [DeadOnArrival(change("p1@example.com"), "x", "")]), NOW)
    (kept,) = dead_letters.read(redis, QUEUE)
    put(redis, *names(100))
    (batch_id,) = take_due(redis, NOW)
    assert dead_letters.replay(redis, QUEUE, [kept.id], NOW) == dead_letters.Replayed(0, 1)
    batches.settle(redis, hold(redis, batch_id), Settlement(), NOW)
    assert dead_letters.replay(redis, QUEUE, [kept.id], NOW) == dead_letters.Replayed(1, 0)


def test_a_later_delivery_supersedes_the_dead_letters_it_overtook(redis: Redis) -> None:
    letters = [DeadOnArrival(change(f"p{i}@example.com"), "x", "") for i in range(3)]
    accept(redis, Acceptance(QUEUE, FlushPolicy(), "", [], letters), NOW)
    put(redis, *names(100), at=NOW + 1)
    (batch_id,) = take_due(redis, NOW + 1)
    batches.settle(redis, hold(redis, batch_id), Settlement(moved=[0, 1]), NOW + 1)
    assert [letter_of(letter) for letter in dead_letters.read(redis, QUEUE)] == ["p2@example.com"]
    assert redis.hmget(keys.queue(QUEUE), "accepted", "delivered", "dead", "superseded") == [b"103", b"100", b"1", b"2"]


def test_an_update_that_may_be_another_persons_is_superseded_by_nobodys_removal(redis: Redis) -> None:
    ambiguous = [
        DeadOnArrival(change("p0@example.com", action=action), "ambiguous_person", "") for action in ("update", "add")
    ]
    accept(redis, Acceptance(QUEUE, FlushPolicy(), "", [], ambiguous), NOW)
    put(redis, *names(100), at=NOW + 1)
    (batch_id,) = take_due(redis, NOW + 1)
    batches.settle(redis, hold(redis, batch_id), Settlement(moved=[0]), NOW + 1)
    assert [letter.change.body.action for letter in dead_letters.read(redis, QUEUE)] == ["update"]
    assert redis.hmget(keys.queue(QUEUE), "dead", "superseded") == [b"1", b"1"]


def test_purged_letters_are_gone_and_stay_counted_as_dead(redis: Redis) -> None:
    accept(redis, Acceptance(QUEUE, FlushPolicy(), "", [], [DeadOnArrival(change("a@example.com"), "x", "")]), NOW)
    (kept,) = dead_letters.read(redis, QUEUE)
    assert dead_letters.purge(redis, QUEUE, [kept.id, kept.id]) == 1
    assert not redis.exists(keys.queue(QUEUE, "buried"))
    assert redis.hget(keys.queue(QUEUE), "dead") == b"1"
