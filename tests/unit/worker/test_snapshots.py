"""The decisions of carrying out a snapshot: which one counts, what is waited for, what the ledger becomes."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from queues.change import Action, Body, Change, person_key
from queues.dead_letters import DeadLetter
from queues.names import Queue
from queues.pending import QueueState
from queues.policy import Waiting
from queues.snapshots.guard import overtaken
from queues.snapshots.members import Bucket, Member, gone_key
from queues.snapshots.orders import SnapshotOrder
from snapshots.digests import digests
from worker.membership import joined, left, updated
from worker.people.batch_people import People
from worker.snapshots.apply import Names, is_void
from worker.snapshots.baseline import as_listed, choose, drift_of, identities, is_another
from worker.snapshots.kind import intents, waits

ANN, BOB, CID = "email:ann@x.com", "email:bob@x.com", "email:cid@x.com"


def order(at: int, not_before: int = 0) -> SnapshotOrder:
    return SnapshotOrder("00-1", at, "csv", not_before=not_before)


def change(action: Action = "add", at: int = 5, source: str = "snapshot", plan: str | None = None) -> Change:
    told = {"email": "ann@x.com", **({"attributes": {"plan": plan}} if plan else {})}
    body = Body(action, at, source, "m", msgspec.Raw(msgspec.json.encode(told)))
    return Change((person_key("email", "ann@x.com"),), 1, body)


def test_of_several_snapshots_of_one_batch_the_newest_counts_and_the_others_are_superseded() -> None:
    (intent,) = intents(People([change("replace", 7), change("replace", 9), change("replace", 8)]))
    assert (intent.last, intent.indexes, intent.decisive) == (1, [0, 2, 1], 1)


@pytest.mark.parametrize(
    ("waiting", "carried_out", "gives_way"),
    [
        ([], 0, False),
        ([], 10, False),  # it is the one that was carried out
        ([], 11, True),
        ([order(10)], 0, True),
        ([order(9)], 0, False),  # which gives way itself
        ([order(9), order(11)], 0, True),
        ([order(11, not_before=101)], 0, False),  # the time before its launch is this one's
        ([order(11, not_before=100)], 0, True),
    ],
)
def test_a_snapshot_gives_way_to_what_is_newer_and_due(
    waiting: list[SnapshotOrder], carried_out: int, gives_way: bool
) -> None:
    assert overtaken(order(10), waiting, carried_out, now=100) is gives_way


def test_a_launch_gives_way_to_one_that_is_launched_no_later() -> None:
    assert overtaken(order(10, not_before=500), [order(11, not_before=500)], 0, now=100)
    assert not overtaken(order(10, not_before=500), [order(11, not_before=501)], 0, now=100)


@pytest.mark.parametrize(
    ("asked", "oldest", "expected"),
    [(0, None, False), (0, 100, False), (0, 99, True), (1, 100, True), (1, 99, True)],
)
def test_it_waits_for_what_was_asked_for_and_for_what_is_older(asked: int, oldest: int | None, expected: bool) -> None:
    seen = QueueState(
        Queue("default", "audience", "42"), Waiting(3 if oldest else 0, oldest, asked=asked), 0, held=False
    )
    assert waits(seen, since=100) is expected


@pytest.mark.parametrize(("known", "expected"), [(None, False), ("", False), ("L1", False), ("L2", True)])
def test_a_ledger_of_another_list_is_not_relied_on(known: str | None, expected: bool) -> None:
    assert is_another(known, "L1") is expected


def test_a_list_that_is_gone_is_another_than_the_one_of_the_ledger() -> None:
    assert is_another("L1", "")


def test_a_profile_is_known_by_each_identifier_that_it_has_strongest_first() -> None:
    profile = {"phone_number": "+14155552671", "external_id": "c-1", "email": "Ann@x.com"}
    assert identities(profile) == [ANN, "external_id:c-1", "phone_number:+14155552671"]
    assert identities(dict.fromkeys(profile)) == []


def test_somebody_on_the_list_is_known_as_the_snapshot_knows_them() -> None:
    assert choose([ANN, "external_id:c-1"], {"external_id:c-1"}) == "external_id:c-1"
    assert choose([ANN, "external_id:c-1"], {"external_id:c-1", ANN}) == ANN
    assert choose([ANN, "external_id:c-1"], set()) == ANN


people = st.sets(st.sampled_from([ANN, BOB, CID, "external_id:c-1"]))


@given(known=people, listed=people, gone=people, newer=people)
def test_the_ledger_becomes_the_list_but_for_those_who_changed_since(
    known: set[str], listed: set[str], gone: set[str], newer: set[str]
) -> None:
    before = Bucket({identity: Member(7, b"12345678") for identity in known}, {gone_key(who): 3 for who in gone})
    after = as_listed(before, listed, newer)
    assert after.members.keys() - newer == listed - newer
    for identity in newer:
        assert (identity in after.members) == (identity in known or (identity in listed and identity not in gone))
    assert all(after.members[who] == (before.members[who] if who in known else Member(0)) for who in after.members)
    assert after.gone == before.gone
    assert drift_of(after, listed - newer).on_the_list_only == set()


def test_who_joins_by_a_snapshot_is_known_with_what_was_sent() -> None:
    bucket = Bucket({}, {gone_key(ANN): 1})
    joined(bucket, ANN, [change(plan="gold")], 5)
    assert bucket == Bucket({ANN: Member(5, digests(bytes(change(plan="gold").body.person)))}, {})


def test_of_whom_others_wrote_attributes_nothing_is_known() -> None:
    bucket = Bucket({ANN: Member(1, b"12345678")})
    updated(bucket, ANN, [change(source="changes", plan="gold")])
    assert bucket.members == {ANN: Member(1)}
    joined(bucket, ANN, [change(plan="gold"), change(source="changes", plan="blue")], 5)
    assert bucket.members == {ANN: Member(5)}


def test_an_update_makes_nobody_a_member() -> None:
    bucket = Bucket()
    updated(bucket, ANN, [change(plan="gold")])
    assert bucket == Bucket()


@pytest.mark.parametrize(("source", "gone"), [("snapshot", {}), ("changes", {gone_key(ANN): 9})])
def test_who_leaves_by_a_single_change_is_remembered_as_gone(source: str, gone: dict[str, int]) -> None:
    bucket = Bucket({ANN: Member(1), BOB: Member(1)})
    left(bucket, ANN, change("remove", 9, source))
    assert bucket == Bucket({BOB: Member(1)}, gone)


def test_what_was_written_down_twice_is_as_if_it_were_once() -> None:
    once, twice = Bucket(), Bucket()
    for bucket, times in ((once, 1), (twice, 2)):
        for _ in range(times):
            joined(bucket, ANN, [change(plan="gold"), change("update", plan="blue")], 5)
    assert once == twice


@pytest.mark.parametrize(
    ("action", "source", "named", "void"),
    [
        ("add", "changes", False, True),
        ("add", "changes", True, False),
        ("remove", "changes", True, True),
        ("remove", "changes", False, False),
        ("update", "changes", True, False),
        ("update", "changes", False, False),
        ("add", "snapshot", True, True),
    ],
)
def test_a_dead_letter_that_speaks_against_the_snapshot_is_void(
    action: Action, source: str, named: bool, void: bool
) -> None:
    letter = DeadLetter("1-0", Queue("default", "audience", "42"), "x", {}, 0, 1, change(action, source=source))
    assert is_void(letter, named) is void


_KEYS = st.lists(st.sampled_from("abcd"), min_size=1, max_size=3, unique=True).map(tuple)


@given(st.lists(_KEYS, max_size=3), _KEYS)
def test_a_person_is_among_others_by_a_key_that_names_either(
    others: list[tuple[str, ...]], person: tuple[str, ...]
) -> None:
    expected = any(person[0] in other or other[0] in person for other in others)
    assert Names.of(others).has(person) is expected


def test_whose_phone_is_shared_is_not_the_other() -> None:
    assert not Names.of([("mum", "phone")]).has(("kid", "phone"))
    assert Names.of([("mum", "phone")]).has(("phone",))
    assert Names.of([("phone",)]).has(("kid", "phone"))
