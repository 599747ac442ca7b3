"""The ledger on a real server: what each transition does and refuses."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
from redis import Redis

from queues import batches, dead_letters, keys, pending
from queues.acceptance import Acceptance, DeadOnArrival, accept
from queues.batches import Settlement, Undeliverable
from queues.change import Action, Body, encode, person_key
from queues.errors import LeaseLost
from queues.names import Queue
from queues.policy import FlushPolicy, decide
from tests.support.valkey import binaries, serving

QUEUE = Queue("default", "audience", "42")
HOUR = 3_600_000
NOW = 1_800_000_000_000
LEASE = 60_000


@pytest.fixture(scope="module", params=binaries())
def redis_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("redis"), binaries()[request.param]) as url:
        yield url


def change(person: str, at: int = NOW, action: Action = "add") -> bytes:
    body = Body(action, at, "changes", "m", msgspec.Raw(b'{"email":"%s"}' % person.encode()))
    return encode((person_key("email", person),), at, body)


def put(redis: Redis, *people: str, at: int = NOW, message: str = "", policy: FlushPolicy | None = None) -> bool:
    changes = [change(person, at) for person in people]
    acceptance = Acceptance(QUEUE, policy or FlushPolicy(), message, changes)
    return accept(redis, acceptance, at).became_due


def take_due(redis: Redis, now: int, policy: FlushPolicy | None = None) -> list[str]:
    taken = []
    for seen in pending.look(redis, pending.due(redis, now)):
        decision = decide(seen.waiting, policy or FlushPolicy(), now)
        if decision and (batch_id := pending.take(redis, seen, decision[0], decision[1], now)):
            taken.append(batch_id)
    return taken


def people(batch: batches.Batch) -> list[str]:
    return [msgspec.json.decode(c.body.person)["email"] for c in batch.changes]


def hold(redis: Redis, batch_id: str, now: int = NOW) -> batches.Batch:
    batch = batches.reclaim(redis, batch_id, now, LEASE)
    assert batch is not None
    return batch


def names(n: int, start: int = 0) -> list[str]:
    return [f"p{i}@example.com" for i in range(start, start + n)]


def test_the_hundredth_change_makes_the_queue_due_and_says_so_once(redis: Redis) -> None:
    assert not put(redis, *names(99))
    assert pending.due(redis, NOW) == []
    assert put(redis, "last@example.com")
    assert not put(redis, "later@example.com")
    assert pending.due(redis, NOW) == [QUEUE]


def test_two_hundred_and_fifty_changes_become_two_batches_and_fifty_wait(redis: Redis) -> None:
    put(redis, *names(250))
    first, second = take_due(redis, NOW), take_due(redis, NOW)
    assert [len(hold(redis, b).changes) for b in first + second] == [100, 100]
    assert take_due(redis, NOW) == []
    assert pending.look(redis, [QUEUE])[0].waiting.pending == 50


def test_a_change_waits_sixteen_hours_and_no_longer(redis: Redis) -> None:
    put(redis, "a@example.com")
    assert pending.due(redis, NOW + 16 * HOUR - 1) == []
    assert len(take_due(redis, NOW + 16 * HOUR)) == 1


def test_sixteen_hours_count_from_the_last_upload_too(redis: Redis) -> None:
    put(redis, *names(100))
    take_due(redis, NOW)
    assert put(redis, "a@example.com", at=NOW + 20 * HOUR), "a long quiet spell ends: due at once"
    assert len(take_due(redis, NOW + 20 * HOUR)) == 1


def test_age_takes_everything_that_waits_in_uploads_of_the_greatest_size(redis: Redis) -> None:
    policy = FlushPolicy(size=1000, upload_max=100)
    put(redis, "old@example.com", policy=policy)
    put(redis, *names(249), at=NOW + HOUR, policy=policy)
    sizes = []
    while taken := take_due(redis, NOW + 16 * HOUR, policy):
        sizes += [len(hold(redis, b).changes) for b in taken]
    assert sizes == [100, 100, 50]


def test_an_operators_flush_takes_what_waits_now_and_not_what_comes_later(redis: Redis) -> None:
    put(redis, *names(30))
    assert pending.flush(redis, QUEUE, NOW) == 30
    put(redis, *names(5, start=30))
    assert [len(hold(redis, b).changes) for b in take_due(redis, NOW)] == [30]
    assert take_due(redis, NOW) == []


def test_two_schedulers_that_saw_the_same_queue_take_one_batch(redis: Redis) -> None:
    put(redis, *names(150))
    (seen,) = pending.look(redis, [QUEUE])
    assert pending.take(redis, seen, "size", 100, NOW) is not None
    assert pending.take(redis, seen, "size", 100, NOW) is None
    assert pending.look(redis, [QUEUE])[0].waiting.pending == 50


def test_a_repeated_message_is_stored_once(redis: Redis) -> None:
    put(redis, "a@example.com", message="m1")
    repeated = accept(redis, Acceptance(QUEUE, FlushPolicy(), "m1", [change("a@example.com")]), NOW)
    assert not repeated.fresh
    assert redis.hget(keys.queue(QUEUE), "accepted") == b"1"


def test_take_stops_at_the_first_person_of_an_open_batch(redis: Redis) -> None:
    put(redis, *names(100))
    (first,) = take_due(redis, NOW)
    put(redis, "new@example.com", "p7@example.com", *names(98, start=200))
    (second,) = take_due(redis, NOW)
    assert people(hold(redis, second)) == ["new@example.com"]
    assert take_due(redis, NOW) == [], "p7 is first now and must wait for the first batch"
    pending.flush(redis, QUEUE, NOW)
    assert batches.settle(redis, hold(redis, first), Settlement(), NOW), "settling tells that the queue is due"
    (third,) = take_due(redis, NOW)
    assert people(hold(redis, third))[0] == "p7@example.com"


def test_a_batch_is_held_by_one_worker_until_its_lease_runs_out(redis: Redis) -> None:
    put(redis, *names(100))
    (batch_id,) = take_due(redis, NOW)
    stale = hold(redis, batch_id)
    assert batches.reclaim(redis, batch_id, NOW + LEASE - 1, LEASE) is None
    assert batches.to_ring(redis, NOW + LEASE - 1) == []
    assert batches.to_ring(redis, NOW + LEASE) == [batch_id]
    fresh = hold(redis, batch_id, NOW + LEASE)
    assert (fresh.token, fresh.crashes) == (stale.token + 1, 1)
    with pytest.raises(LeaseLost):
        batches.renew(redis, stale, NOW + LEASE, LEASE)
    with pytest.raises(LeaseLost):
        batches.submit(redis, stale, b"{}")
    with pytest.raises(LeaseLost):
        batches.settle(redis, stale, Settlement(), NOW + LEASE)
    batches.renew(redis, fresh, NOW + LEASE, LEASE)


def test_a_batch_given_back_is_rung_again_at_its_time_and_keeps_its_progress(redis: Redis) -> None:
    put(redis, *names(100))
    (batch_id,) = take_due(redis, NOW)
    batches.submit(redis, hold(redis, batch_id), b'{"jobs":["j1"]}', ring_at=NOW + 2000, attempts=1)
    assert batches.to_ring(redis, NOW + 1999) == []
    assert batches.to_ring(redis, NOW + 2000) == [batch_id]
    again = hold(redis, batch_id, NOW + 2000)
    assert (again.progress, again.attempts, again.crashes) == (b'{"jobs":["j1"]}', 1, 0)


def test_ringing_postpones_the_next_ring_and_never_revives_a_settled_batch(redis: Redis) -> None:
    put(redis, *names(100))
    (batch_id,) = take_due(redis, NOW)
    batches.rung(redis, [batch_id], NOW + 30_000)
    assert batches.to_ring(redis, NOW) == []
    batches.settle(redis, hold(redis, batch_id), Settlement(), NOW)
    batches.rung(redis, [batch_id], NOW + 30_000)
    assert batches.to_ring(redis, NOW + HOUR) == []
    assert batches.reclaim(redis, batch_id, NOW, LEASE) is None


def test_settling_accounts_for_every_change_or_writes_nothing(redis: Redis) -> None:
    put(redis, *names(100))
    (batch_id,) = take_due(redis, NOW)
    batch = hold(redis, batch_id)
    dead = [Undeliverable(3, "no_email", {}), Undeliverable(4, "no_email", {})]
    batches.settle(redis, batch, Settlement(10, dead), NOW)
    counters = redis.hgetall(keys.queue(QUEUE))
    figures = {k.decode(): int(counters[k]) for k in (b"accepted", b"open", b"delivered", b"dead", b"superseded")}
    assert figures == {"accepted": 100, "open": 0, "delivered": 88, "dead": 2, "superseded": 10}
    assert [people_of(letter) for letter in dead_letters.read(redis, QUEUE)] == [
        "p3@example.com",
        "p4@example.com",
    ]


def people_of(letter: dead_letters.DeadLetter) -> str:
    return str(msgspec.json.decode(letter.change.body.person)["email"])


def test_a_settled_batch_leaves_no_keys_behind(redis: Redis) -> None:
    put(redis, *names(100))
    (batch_id,) = take_due(redis, NOW)
    batches.settle(redis, hold(redis, batch_id), Settlement(), NOW)
    left = {key.decode().split(":", 2)[2] for key in redis.scan_iter()}
    assert left == {"queues", f"q:{QUEUE}"}


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
    assert [people_of(letter) for letter in dead_letters.read(redis, QUEUE)] == ["p2@example.com"]
    assert redis.hmget(keys.queue(QUEUE), "accepted", "delivered", "dead", "superseded") == [b"103", b"100", b"1", b"2"]


def test_purged_letters_are_gone_and_stay_counted_as_dead(redis: Redis) -> None:
    accept(redis, Acceptance(QUEUE, FlushPolicy(), "", [], [DeadOnArrival(change("a@example.com"), "x", "")]), NOW)
    (kept,) = dead_letters.read(redis, QUEUE)
    assert dead_letters.purge(redis, QUEUE, [kept.id, kept.id]) == 1
    assert not redis.exists(keys.queue(QUEUE, "buried"))
    assert redis.hget(keys.queue(QUEUE), "dead") == b"1"


def test_a_batch_of_ten_thousand_changes_is_taken_and_settled(redis: Redis) -> None:
    policy = FlushPolicy(size=10_000, upload_max=10_000)
    put(redis, *names(10_000), policy=policy)
    (batch_id,) = take_due(redis, NOW, policy)
    batch = hold(redis, batch_id)
    assert len(batch.changes) == 10_000
    batches.settle(redis, batch, Settlement(), NOW)


def test_a_batch_holds_at_most_eight_megabytes(redis: Redis) -> None:
    body = Body("add", NOW, "changes", "m", msgspec.Raw(b'{"x":"%s"}' % (b"x" * 1_000_000)))
    changes = [encode((person_key("email", str(i)),), NOW, body) for i in range(100)]
    accept(redis, Acceptance(QUEUE, FlushPolicy(), "", changes), NOW)
    (batch_id,) = take_due(redis, NOW)
    assert len(hold(redis, batch_id).changes) == 7


def test_a_new_policy_is_filed_in_the_due_index(redis: Redis) -> None:
    put(redis, "a@example.com")
    assert pending.due(redis, NOW + 60_000) == []
    pending.set_policy(redis, QUEUE, FlushPolicy(age_ms=60_000), NOW)
    assert pending.due(redis, NOW + 60_000) == [QUEUE]


def test_scripts_are_loaded_again_after_a_script_flush(redis: Redis) -> None:
    put(redis, "a@example.com")
    redis.script_flush()
    put(redis, "b@example.com")
    assert pending.look(redis, [QUEUE])[0].waiting.pending == 2


def test_a_queue_takes_no_more_batches_while_four_wait_for_their_upload(redis: Redis) -> None:
    put(redis, *names(600))
    taken = [batch_id for _ in range(6) for batch_id in take_due(redis, NOW)]
    assert len(taken) == 4
    batches.submit(redis, hold(redis, taken[0]), b"{}", ring_at=NOW + 2000, sent=True)
    batches.settle(redis, hold(redis, taken[1]), Settlement(), NOW)
    assert len([batch_id for _ in range(6) for batch_id in take_due(redis, NOW)]) == 2
    batches.settle(redis, hold(redis, taken[0], NOW + 2000), Settlement(), NOW)
    assert redis.hget(keys.queue(QUEUE), "unsent") == b"4"


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
