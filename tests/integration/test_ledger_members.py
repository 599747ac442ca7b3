"""The membership ledger on a real server: who is noted while a snapshot is carried out, and writing buckets."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis

from queues import keys
from queues.acceptance import Acceptance, DeadOnArrival, accept
from queues.change import person_key
from queues.errors import LeaseLost
from queues.policy import FlushPolicy
from queues.snapshots import members, orders
from queues.snapshots.members import Bucket, Member
from tests.support.ledger import LEASE, NOW, QUEUE, change, hold, on_every_server, put, take_due
from tests.support.people import names

pytestmark = on_every_server
SYNCS = orders.queue_of(QUEUE.connection, QUEUE.target)
ANN = ["email:ann@example.com", "phone_number:+14155550132", "external_id:a-1"]


def recent(redis: Redis) -> set[str]:
    return {key.decode() for key in cast("set[bytes]", redis.smembers(keys.queue(QUEUE, "recent")))}


def key(person: str) -> str:
    return person_key("email", person)


def enter(redis: Redis, *people: str, at: int = NOW) -> None:
    """Put these on the list, as far as the ledger knows."""
    mine: dict[int, list[str]] = {}
    for person in people:
        mine.setdefault(members.bucket_of(person), []).append(person)

    def change(number: int, bucket: Bucket) -> Bucket:
        return Bucket({**bucket.members, **dict.fromkeys(mine[number], Member(at))}, bucket.gone)

    members.edit(redis, QUEUE, mine, change)


def everybody(redis: Redis) -> dict[str, Member]:
    found = members.read(redis, QUEUE, range(members.BUCKETS)).values()
    return {person: member for bucket in found for person, member in bucket.members.items()}


def written(redis: Redis) -> int:
    """Fields of hashes that were written, one at a time, since the server's statistics began."""
    return int(redis.info("commandstats").get("cmdstat_hset", {"calls": 0})["calls"])


def test_while_a_snapshot_is_carried_out_the_persons_of_every_change_are_noted(redis: Redis) -> None:
    put(redis, "before@example.com")
    members.begin(redis, QUEUE, "07-1")
    put(redis, "a@example.com", "b@example.com")
    assert recent(redis) == {key("a@example.com"), key("b@example.com")}
    members.end(redis, QUEUE, "07-1")
    put(redis, "after@example.com")
    assert recent(redis) == set()


def test_a_repeated_message_and_what_is_dead_on_arrival_change_nobody(redis: Redis) -> None:
    put(redis, "a@example.com", message="m1")
    members.begin(redis, QUEUE, "07-1")
    put(redis, "a@example.com", message="m1")
    dead = [DeadOnArrival(change("b@example.com"), "email_invalid", "x")]
    accept(redis, Acceptance(QUEUE, FlushPolicy(), "m2", [], dead), NOW)
    assert recent(redis) == set()


def test_a_worker_that_begins_again_forgets_nobody_and_another_snapshot_begins_anew(redis: Redis) -> None:
    members.begin(redis, QUEUE, "07-1")
    put(redis, "a@example.com")
    members.begin(redis, QUEUE, "07-1")
    assert recent(redis) == {key("a@example.com")}
    members.begin(redis, QUEUE, "07-2")
    assert recent(redis) == set()


def test_members_are_kept_from_the_first_snapshot_on_and_its_time_is_known_when_it_is_carried_out(redis: Redis) -> None:
    assert not members.is_kept(redis, QUEUE)
    members.begin(redis, QUEUE, "07-1")
    members.end(redis, QUEUE, "07-1")
    assert members.is_kept(redis, QUEUE)
    assert members.snapshot_at(redis, QUEUE) == 0
    members.begin(redis, QUEUE, "07-2")
    members.end(redis, QUEUE, "07-2", NOW)
    assert members.snapshot_at(redis, QUEUE) == NOW
    members.end(redis, QUEUE, "07-1", NOW - 1)  # of a worker that was frozen
    assert members.snapshot_at(redis, QUEUE) == NOW


def test_a_bucket_that_nobody_wrote_is_empty_and_one_that_becomes_empty_is_gone(redis: Redis) -> None:
    assert members.read(redis, QUEUE, []) == {}
    assert members.read(redis, QUEUE, [7, 9]) == {7: Bucket(), 9: Bucket()}
    enter(redis, "email:a@example.com")
    assert redis.hlen(keys.queue(QUEUE, "members")) == 1
    members.edit(redis, QUEUE, range(members.BUCKETS), lambda _, bucket: Bucket())
    assert not redis.exists(keys.queue(QUEUE, "members"))


def test_all_buckets_are_written_and_those_that_stay_as_they_are_not(redis: Redis) -> None:
    people = [f"external_id:{i}" for i in range(20_000)]
    enter(redis, *people)
    assert everybody(redis) == dict.fromkeys(people, Member(NOW))
    redis.config_resetstat()
    members.edit(redis, QUEUE, range(members.BUCKETS), lambda _, bucket: bucket)
    assert written(redis) == 0
    enter(redis, "external_id:new")
    assert written(redis) == 1


def test_writers_at_the_same_time_lose_nobody(redis: Redis) -> None:
    bucket = members.bucket_of("external_id:0")
    people = [f"external_id:{i}" for i in range(400_000) if members.bucket_of(f"external_id:{i}") == bucket][:80]

    def one(person: str) -> None:
        enter(redis, person)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, people))
    assert set(everybody(redis)) == set(people)


def test_a_bucket_that_was_written_meanwhile_is_changed_again_from_what_it_is_then(redis: Redis) -> None:
    seen: list[set[str]] = []

    def add(_: int, bucket: Bucket) -> Bucket:
        if not seen:
            enter(redis, "external_id:other")
        seen.append({*bucket.members})
        return Bucket({**bucket.members, "external_id:mine": Member(1)}, bucket.gone)

    members.edit(redis, QUEUE, [members.bucket_of("external_id:other")], add)
    assert seen == [set(), {"external_id:other"}]
    assert set(everybody(redis)) == {"external_id:other", "external_id:mine"}


def test_a_worker_that_lost_its_batch_writes_nothing(redis: Redis) -> None:
    put(redis, *names(100))
    (batch_id,) = take_due(redis, NOW)
    stale = hold(redis, batch_id)
    held = hold(redis, batch_id, NOW + LEASE + 1)

    def add(_: int, bucket: Bucket) -> Bucket:
        return Bucket({"external_id:1": Member(held.token)})

    with pytest.raises(LeaseLost):
        members.edit(redis, QUEUE, [1], add, stale)
    assert everybody(redis) == {}
    members.edit(redis, QUEUE, [1], add, held)
    assert everybody(redis) == {"external_id:1": Member(held.token)}


people = st.sampled_from([f"email:p{i}@example.com" for i in range(12)])
edits = st.lists(
    st.tuples(people, st.one_of(st.none(), st.builds(Member, st.integers(0, 9), st.binary(max_size=8)))), max_size=8
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(edits, max_size=6))
def test_any_edits_come_to_what_they_come_to_in_a_dictionary(
    redis: Redis, rounds: list[list[tuple[str, Member | None]]]
) -> None:
    redis.flushall()
    model: dict[str, Member] = {}
    for edit in rounds:
        for person, member in edit:
            model.pop(person, None)
            model |= {person: member} if member else {}
        members.edit(redis, QUEUE, [members.bucket_of(person) for person, _ in edit], _applied(edit))
    assert everybody(redis) == model
    assert redis.hlen(keys.queue(QUEUE, "members")) == len({members.bucket_of(person) for person in model})


def _applied(edit: list[tuple[str, Member | None]]) -> members.Change:
    def change(number: int, bucket: Bucket) -> Bucket:
        left = dict(bucket.members)
        for person, member in edit:
            if members.bucket_of(person) == number:
                left.pop(person, None)
                left |= {person: member} if member else {}
        return Bucket(left, bucket.gone)

    return change


@pytest.fixture
def forgotten(redis: Redis) -> None:
    """Ann, known by each of her identifiers, is forgotten; Bob is not."""
    enter(redis, *ANN, "email:bob@example.com")
    members.forget(redis, [SYNCS, QUEUE], ANN, [key("ann@example.com")], NOW)


@pytest.mark.usefixtures("forgotten")
def test_a_person_is_forgotten_under_every_identifier_and_others_are_not(redis: Redis) -> None:
    assert set(everybody(redis)) == {"email:bob@example.com"}


@pytest.mark.usefixtures("forgotten")
def test_forgetting_again_changes_nothing_but_for_a_later_time_and_what_is_kept_out_expires(redis: Redis) -> None:
    erased = keys.queue(QUEUE, "erased")
    members.forget(redis, [SYNCS], ANN, [key("ann@example.com")], NOW - 1)
    assert redis.zrange(erased, 0, -1, withscores=True) == [(key("ann@example.com").encode(), NOW)]
    assert 0 < redis.pttl(erased) <= members.ERASED_MS
    members.forget(redis, [SYNCS], [], ["a later one's key"], NOW + members.ERASED_MS)
    assert redis.zrange(erased, 0, -1) == [b"a later one's key"]


def test_where_no_snapshot_ever_came_nothing_is_written_about_the_erased(redis: Redis) -> None:
    members.forget(redis, [QUEUE], ANN, [key("ann@example.com")], NOW)
    assert list(redis.scan_iter()) == []


def test_one_who_watches_is_let_go_of_and_nobody_in_its_place(redis: Redis) -> None:
    members.begin(redis, QUEUE, "07-repair", NOW)
    members.begin(redis, QUEUE, "07-1")
    put(redis, "a@example.com")
    assert not members.end(redis, QUEUE, "07-repair")
    assert recent(redis) == {key("a@example.com")}
    assert members.end(redis, QUEUE, "07-1")
    put(redis, "b@example.com")
    assert recent(redis) == set()


def test_of_one_who_was_killed_nothing_is_noted_beyond_its_time_and_a_snapshot_has_no_such_time(redis: Redis) -> None:
    members.begin(redis, QUEUE, "07-repair", NOW)
    put(redis, "a@example.com")
    assert members.let_go_of_lapsed(redis, [QUEUE, SYNCS], NOW) == []
    assert recent(redis) == {key("a@example.com")}
    assert members.let_go_of_lapsed(redis, [QUEUE, SYNCS], NOW + 1) == [QUEUE]
    put(redis, "b@example.com")
    assert recent(redis) == set()
    members.begin(redis, QUEUE, "07-repair", NOW)
    members.begin(redis, QUEUE, "07-1")
    assert members.let_go_of_lapsed(redis, [QUEUE], NOW + 1) == []
