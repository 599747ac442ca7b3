"""What a snapshot makes of an audience's queue, on a real server: written down once, and never over what is newer."""

from __future__ import annotations

from typing import cast

import msgspec
import pytest
from redis import Redis
from redis.exceptions import ResponseError

from queues import keys, pending
from queues.acceptance import Acceptance, accept
from queues.census import count
from queues.change import Action, Body, decode, encode, person_key
from queues.errors import QueueFull, SnapshotReplaced
from queues.policy import FlushPolicy
from queues.snapshots import members, orders
from queues.snapshots.guard import recent
from queues.snapshots.mirror import mirror
from tests.support.ledger import NOW, QUEUE, on_every_server, put

pytestmark = on_every_server
SNAPSHOT = "07-1"
SYNCS = orders.queue_of(QUEUE.connection, QUEUE.target)
POLICY = FlushPolicy(size=5)
BODY = Body("add", NOW, "changes", "m", msgspec.Raw(b"{}"))


def planned(person: str, *ids: str, at: int = NOW, action: Action = "add", accepted: int = NOW + 9) -> bytes:
    """What a snapshot whose time is `at` makes of a person. `ids`: of the CDP's own."""
    names = (person_key("email", person), *(person_key("external_id", each) for each in ids))
    fragment = msgspec.Raw(msgspec.json.encode({"email": person}))
    return encode(names, accepted, Body(action, at, "snapshot", SNAPSHOT, fragment))


def write(redis: Redis, *people: str, part: int = 0, at: int = NOW, most: int = 100) -> int:
    changes = [planned(person, at=at) for person in people]
    return mirror(redis, QUEUE, POLICY, SNAPSHOT, part, changes, b"", NOW + 9, most)


def waiting(redis: Redis) -> list[str]:
    stored = cast("list[bytes]", redis.lrange(keys.queue(QUEUE, "pending"), 0, -1))
    return [msgspec.json.decode(decode(change).body.person)["email"] for change in stored]


def accepted(redis: Redis) -> int:
    (found,) = count(redis, [QUEUE])
    assert found.missing == 0
    return found.accepted


@pytest.fixture(autouse=True)
def begun(redis: Redis) -> None:
    """The snapshot is carried out."""
    members.begin(redis, QUEUE, SNAPSHOT)


def test_the_changes_of_a_snapshot_wait_behind_what_waits_and_go_by_the_queues_policy(redis: Redis) -> None:
    put(redis, "before@example.com")
    facts = b'{"name":"VIPs"}'
    people = [f"p{i}@example.com" for i in range(4)]
    assert mirror(redis, QUEUE, POLICY, SNAPSHOT, 0, [planned(person) for person in people], facts, NOW + 9) == 0
    assert waiting(redis) == ["before@example.com", *people]
    assert pending.due(redis, NOW + 9) == [QUEUE]
    assert pending.audience(redis, QUEUE) == {"name": "VIPs"}
    assert QUEUE in pending.all_queues(redis)
    write(redis, "later@example.com", part=1)
    assert pending.audience(redis, QUEUE) == {"name": "VIPs"}, "as it was"
    assert accepted(redis) == 6


def test_a_part_is_written_down_once_and_its_repetition_is_answered_the_same(redis: Redis) -> None:
    put(redis, "a@example.com")
    assert write(redis, "a@example.com", "b@example.com") == 1
    assert write(redis, "a@example.com", "b@example.com") == 1
    assert write(redis, "c@example.com", part=1) == 0
    assert waiting(redis) == ["a@example.com", "b@example.com", "c@example.com"]
    assert accepted(redis) == 3


def test_of_whom_a_single_change_came_since_the_snapshot_says_nothing(redis: Redis) -> None:
    put(redis, "a@example.com", "same@example.com")
    assert write(redis, "a@example.com", "b@example.com") == 1
    assert waiting(redis) == ["a@example.com", "same@example.com", "b@example.com"]


@pytest.mark.parametrize(
    ("single", "stays_out"),
    [
        (("c@example.com",), True),
        (("c@example.com", "7"), True),
        (("d@example.com", "7"), False),
        (("", "7"), True),
        (("", "8", "7"), False),
    ],
)
def test_a_single_change_is_of_the_same_person_by_a_key_that_names_either(
    redis: Redis, single: tuple[str, ...], stays_out: bool
) -> None:
    email, *ids = single
    names = (*([person_key("email", email)] if email else []), *(person_key("external_id", each) for each in ids))
    accept(redis, Acceptance(QUEUE, POLICY, "", [encode(names, NOW, BODY)]), NOW)
    assert mirror(redis, QUEUE, POLICY, SNAPSHOT, 1, [planned("c@example.com", "7")], b"", NOW) == stays_out


def test_a_snapshot_that_names_by_an_id_leaves_alone_whoever_came_with_it(redis: Redis) -> None:
    names = person_key("email", "c@example.com"), person_key("external_id", "7")
    accept(redis, Acceptance(QUEUE, POLICY, "", [encode(names, NOW, BODY)]), NOW)
    removal = encode(names[1:], NOW + 9, Body("remove", NOW, "snapshot", SNAPSHOT, msgspec.Raw(b"{}")))
    assert mirror(redis, QUEUE, POLICY, SNAPSHOT, 1, [removal], b"", NOW) == 1
    assert recent(redis, QUEUE, [names[1], person_key("external_id", "8")]) == {names[1]}
    assert recent(redis, QUEUE, [names[0]]) == {names[0]}


def test_what_an_older_ferry_noted_may_be_any_key_of_a_change(redis: Redis) -> None:
    redis.sadd(keys.queue(QUEUE, "recent"), person_key("external_id", "7"))
    assert mirror(redis, QUEUE, POLICY, SNAPSHOT, 1, [planned("c@example.com", "7")], b"", NOW) == 1


def test_a_part_of_nothing_but_such_persons_and_an_empty_one_leave_the_queue_alone(redis: Redis) -> None:
    put(redis, "a@example.com")
    assert write(redis, "a@example.com") == 1
    assert write(redis, part=1) == 0
    assert (waiting(redis), accepted(redis)) == (["a@example.com"], 1)


def test_a_queue_that_has_no_room_takes_nothing_and_the_part_again_when_it_has(redis: Redis) -> None:
    put(redis, "a@example.com")
    with pytest.raises(QueueFull):
        write(redis, "b@example.com", "c@example.com", most=2)
    assert (waiting(redis), accepted(redis)) == (["a@example.com"], 1)
    assert write(redis, "b@example.com", "a@example.com", most=2) == 1, "only those count who are written down"
    assert waiting(redis) == ["a@example.com", "b@example.com"]


def test_an_empty_queue_takes_a_part_of_any_size(redis: Redis) -> None:
    people = [f"p{i}@example.com" for i in range(2_500)]
    assert write(redis, *people, most=10) == 0
    assert waiting(redis) == people


def test_a_snapshot_that_is_not_carried_out_any_more_writes_nothing(redis: Redis) -> None:
    assert write(redis, "a@example.com") == 0
    members.begin(redis, QUEUE, "07-2")
    with pytest.raises(SnapshotReplaced, match="07-1"):
        write(redis, "b@example.com", part=1)
    with pytest.raises(SnapshotReplaced):
        write(redis, "a@example.com")
    members.end(redis, QUEUE, "07-2", NOW)
    with pytest.raises(SnapshotReplaced):
        write(redis, "b@example.com", part=1)
    assert waiting(redis) == ["a@example.com"]


def test_a_full_redis_takes_nothing(redis: Redis) -> None:
    redis.config_set("maxmemory", int(redis.info("memory")["used_memory"] / 0.9) - 1)
    try:
        with pytest.raises(ResponseError, match="tenth of the memory"):
            write(redis, "a@example.com")
    finally:
        redis.config_set("maxmemory", 0)
    assert waiting(redis) == []
    assert write(redis, "a@example.com") == 0


@pytest.mark.parametrize(("at", "comes_back"), [(NOW - 1, False), (NOW, False), (NOW + 1, True)])
def test_whoever_asked_to_be_forgotten_is_not_brought_back_by_an_older_snapshot(
    redis: Redis, at: int, comes_back: bool
) -> None:
    members.forget(redis, [SYNCS], ["email:a@example.com"], [person_key("email", "a@example.com")], NOW)
    assert write(redis, "a@example.com", "b@example.com", at=at) == (0 if comes_back else 1)
    assert waiting(redis) == (["a@example.com"] if comes_back else []) + ["b@example.com"]


def test_nor_by_one_whose_worker_has_planned_already_or_that_has_yet_to_begin(redis: Redis) -> None:
    changes = [planned("a@example.com", "7")]
    members.forget(redis, [SYNCS], [], [person_key("email", "a@example.com")], NOW)
    assert mirror(redis, QUEUE, POLICY, SNAPSHOT, 0, changes, b"", NOW + 9) == 1
    members.begin(redis, QUEUE, "07-2")
    assert mirror(redis, QUEUE, POLICY, "07-2", 0, changes, b"", NOW + 9) == 1


def test_somebody_else_with_the_same_id_is_brought(redis: Redis) -> None:
    members.forget(redis, [SYNCS], [], [person_key("external_id", "7")], NOW)
    assert mirror(redis, QUEUE, POLICY, SNAPSHOT, 0, [planned("a@example.com", "7")], b"", NOW + 9) == 0
    assert waiting(redis) == ["a@example.com"]
