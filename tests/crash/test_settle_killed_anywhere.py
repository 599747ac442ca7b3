"""A worker dies at each call of a settlement in portions: no dead letter is lost, and none is there twice."""

from __future__ import annotations

from contextlib import suppress
from itertools import count
from typing import Any, Literal, cast

import msgspec
import pytest
from redis import Redis

from queues import batches, dead_letters, keys, pending, scripts, settlement
from queues.acceptance import Acceptance, accept
from queues.batches import Batch
from queues.change import Body, encode, person_key
from queues.errors import LeaseLost
from queues.policy import FlushPolicy
from queues.settlement import Settlement, Undeliverable
from tests.crash.test_kinds_killed_anywhere import EVENTS, event
from tests.support.kept_figures import as_it_is, assert_kept, forgetful
from tests.support.ledger import HOUR, LEASE, NOW, QUEUE, hold, letter_of, take_due
from tests.support.mortal import Died, Mortal
from tests.support.slow import Slow, dies_everywhere

POLICY = FlushPolicy(size=1, upload_max=100)
#: p0 .. p5 have a dead letter from before; p0 and p1 are delivered, p2 .. p6 die, p0 and p2 with two changes.
OLDER = [f"p{number}@x.io" for number in range(6)]
CHANGES = ["p0@x.io", "p2@x.io", *[f"p{number}@x.io" for number in range(1, 7)], "p0@x.io", "p2@x.io"]
DEAD = [1, 3, 4, 5, 6, 7, 9]
END = Settlement(superseded=1, dead=[Undeliverable(i, "no_email", {}) for i in DEAD], moved=[2, 8], history=b"outcomes")


@pytest.fixture(autouse=True)
def small_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a few changes take many calls."""
    for name, size in (("LETTERS", 2), ("MOVED", 1), ("RELEASED", 3)):
        monkeypatch.setattr(settlement, name, size)


def accepted(redis: Redis, people: list[str], at: int) -> None:
    body = Body("add", at, "changes", "m", msgspec.Raw(b"{}"))
    stored = []
    for person in people:
        told = msgspec.structs.replace(body, person=msgspec.Raw(msgspec.json.encode({"email": person})))
        stored.append(encode((person_key("email", person), person_key("phone", person)), at, told))
    accept(redis, Acceptance(QUEUE, POLICY, "", stored), at)


def arranged(redis: Redis) -> Batch:
    """A batch to settle, older letters of its people, and a newer change of everybody, which waits for it."""
    redis.flushall()
    accepted(redis, OLDER, NOW - HOUR)
    (before,) = take_due(redis, NOW - HOUR, POLICY)
    older = Settlement(dead=[Undeliverable(index, "older", {}) for index in range(len(OLDER))])
    batches.settle(redis, hold(redis, before, NOW - HOUR), older, NOW - HOUR)
    accepted(redis, CHANGES, NOW)
    (batch_id,) = take_due(redis, NOW, POLICY)
    accepted(redis, sorted(set(CHANGES)), NOW + 1)
    return hold(redis, batch_id)


def check_balance(redis: Redis) -> None:
    """accepted = pending + open + delivered + dead + superseded; and the letters are those that are counted."""
    names = ("accepted", "open", "delivered", "dead", "superseded")
    found = redis.hmget(keys.queue(QUEUE), *names)
    total, *rest = (int(figure or 0) for figure in found)
    assert total == redis.llen(keys.queue(QUEUE, "pending")) + sum(rest)
    assert redis.xlen(keys.queue(QUEUE, "dead")) == rest[2]
    assert_kept(redis)


def check_order(redis: Redis) -> None:
    """Nobody is in two open batches, or in one while an older letter of theirs is still to be written."""
    pending.flush(redis, QUEUE, NOW + 2)
    take_due(redis, NOW + 2, POLICY)
    open_changes: list[bytes] = []
    for batch_id in cast("list[bytes]", redis.zrange(keys.queue(QUEUE, "batches"), 0, -1)):
        changes = cast("list[bytes]", redis.lrange(keys.batch(batch_id.decode(), "changes"), 0, -1))
        open_changes += {change[14:30] for change in changes}
    assert len(open_changes) == len(set(open_changes))


@pytest.mark.parametrize("when", ["before", "after"])
def test_the_next_worker_writes_what_is_left(redis: Redis, when: Literal["before", "after"]) -> None:
    with Mortal() as mortal:
        for number in count(1):
            batch = arranged(redis)
            mortal.kill_at(number, when)
            with suppress(Died):
                batches.settle(redis, batch, END, NOW)
            died = mortal.revive()
            check_balance(redis)
            check_order(redis)
            if successor := batches.reclaim(redis, batch.id, NOW + LEASE, LEASE):
                settle_again(redis, successor)
                with pytest.raises(LeaseLost):
                    batches.settle(redis, batch, END, NOW)
            check_balance(redis)
            letters = [(letter_of(letter), letter.reason) for letter in dead_letters.read(redis, QUEUE)]
            older = [(person, "older") for person in OLDER[2:]]
            assert letters == [*older, *((CHANGES[index], "no_email") for index in DEAD)]
            figures = redis.hmget(keys.queue(QUEUE), "delivered", "superseded", "remembered")
            assert figures == [b"2", b"3", b"10"]
            assert not redis.exists(keys.batch(batch.id), keys.batch(batch.id, "changes"))
            if not died:
                assert number > 10, "the settlement was not divided"
                return


def test_a_portion_that_forgets_to_keep_the_figures_is_noticed(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scripts, "text", lambda name: (forgetful if name == "settle_part" else as_it_is)(name))
    with pytest.raises(AssertionError, match="the kept"):
        test_the_next_worker_writes_what_is_left(redis, "after")


def settle_again(redis: Redis, batch: Batch) -> None:
    """As the next worker does: what is decided stays, whatever this worker would decide."""
    if batch.decided is None:
        batches.settle(redis, batch, END, NOW + LEASE)
    else:
        batches.settle_on(redis, batch, batch.decided, NOW + LEASE)


def test_a_repeated_call_whose_answer_was_lost_writes_nothing_again(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = scripts.run

    def twice(redis: Redis, name: str, keys: list[str], args: list[Any]) -> Any:
        if name != "settle":  # it ends the batch, and its repetition finds none
            run(redis, name, keys, args)
        return run(redis, name, keys, args)

    batch = arranged(redis)
    monkeypatch.setattr(scripts, "run", twice)
    batches.settle(redis, batch, END, NOW)
    check_balance(redis)
    assert len(list(dead_letters.read(redis, QUEUE))) == len(OLDER) - 2 + len(DEAD)


def test_refused_events_are_dead_letters_once_whatever_request_the_worker_dies_at(slow: Slow) -> None:
    refused = [event(f"never-{number}", "2099-01-01T00:00:00.000Z") for number in range(5)]

    def arrange() -> None:
        slow.empty()
        slow.accept(EVENTS, event("e0"), *refused, event("e1"))

    def check() -> None:
        assert slow.api.events() == ["e0", "e1"]
        slow.check_ledger(EVENTS, delivered=2, dead=5)
        assert len(list(dead_letters.read(slow.system.redis, EVENTS))) == 5

    seen = dies_everywhere(slow, arrange, check, every=3)
    assert seen.count("EVALSHA settle_part") == 3
