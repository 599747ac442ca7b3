from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from queues.snapshots.members import Bucket, Member, bucket_of
from snapshots.gathering import Gathered, gather
from snapshots.plan import PlannedChange
from snapshots.planning import plan
from snapshots.rows import SnapshotRow, Unusable, row
from tests.support.remembered import Remembered

AT = 1_000
NOTHING = Remembered()


def _row(number: int, **attributes: object) -> SnapshotRow:
    return row(number, {"email": f"{number}@example.com", "attributes": attributes})


def _ledger(*identities: str) -> dict[int, Bucket]:
    known: dict[int, Bucket] = {}
    for identity in identities:
        known.setdefault(bucket_of(identity), Bucket({}, {})).members[identity] = Member(0)
    return known


class _Asked:
    """A ledger that notes what it was asked for."""

    def __init__(self, *identities: str) -> None:
        self._known = _ledger(*identities)
        self.calls: list[list[int]] = []

    def __call__(self, numbers: list[int]) -> dict[int, Bucket]:
        self.calls.append(numbers)
        return {number: self._known.get(number, Bucket()) for number in numbers}


def _all_well(_: PlannedChange, _as_read: bool) -> None:
    return None


def _gathered(*numbers: int) -> Gathered:
    return gather(_row(number, city="Oslo") for number in numbers)


@settings(max_examples=40)
@given(st.sets(st.integers(1, 60)), st.sets(st.integers(1, 60)))
def test_the_plan_makes_the_list_equal_to_the_snapshot(named: set[int], held: set[int]) -> None:
    made = plan(_gathered(*named), _Asked(*(f"email:{n}@example.com" for n in held)), AT, _all_well, NOTHING)
    parts = [*made.parts()]
    changes = [change for _, part in parts for change in part]
    after = {f"email:{n}@example.com" for n in held}
    for change in changes:
        after = after - {change.identity} if change.action == "remove" else after | {change.identity}
    assert after == {f"email:{n}@example.com" for n in named}
    assert [number for number, _ in parts] == sorted({number for number, _ in parts})
    assert all(bucket_of(change.identity) == number for number, part in parts for change in part)
    assert (made.counts.adds, made.counts.removals) == (len(named - held), len(held - named))
    assert (made.counts.updates, made.counts.held) == (len(named & held), len(held))
    assert parts == [*made.parts()], "whoever carries it out again must find the same parts"
    made.close()


def test_the_ledger_is_asked_for_every_bucket_once_in_small_groups() -> None:
    asked = _Asked()
    plan(_gathered(1, 2), asked, AT, _all_well, NOTHING).close()
    assert [number for numbers in asked.calls for number in numbers] == [*range(4_096)]
    assert max(map(len, asked.calls)) == 64


def test_whoever_cannot_be_sent_is_counted_and_not_planned() -> None:
    gathered = gather([_row(1, city="Oslo"), Unusable(2, "email_invalid"), _row(3, city="Oslo"), _row(4, city="Oslo")])
    asked = _Asked("email:4@example.com", "email:5@example.com")
    made = plan(gathered, asked, AT, lambda change, _: "phone_invalid" if b'"1@' in change.fragment else None, NOTHING)
    assert (made.counts.adds, made.counts.updates, made.counts.removals, made.counts.people) == (1, 1, 1, 2)
    assert made.counts.shrink == {"email_invalid": 1, "phone_invalid": 1}
    assert made.shrunk == {"email_invalid": [2], "phone_invalid": [1]}
    assert made.counts.people == made.counts.customers + made.counts.expansion - 2
    assert gathered.counts.shrink == {"email_invalid": 1}
    made.close()


def test_a_member_whose_update_cannot_be_sent_stays_one_and_leavers_are_not_asked_about() -> None:
    asked = _Asked("email:1@example.com", "email:2@example.com")
    made = plan(_gathered(1), asked, AT, lambda change, _: "email_invalid", NOTHING)
    assert [change.action for _, part in made.parts() for change in part] == ["remove"]
    assert made.counts.people == 0
    made.close()


def test_examples_are_the_first_of_a_kind() -> None:
    made = plan(_gathered(*range(30)), _Asked("email:x@example.com"), AT, _all_well, NOTHING)
    assert len(made.examples("add")) == 20
    assert len(made.examples("add", 3)) == 3
    assert [change.identity for change in made.examples("remove")] == ["email:x@example.com"]
    assert made.examples("update") == []
    made.close()


def test_a_person_who_gets_a_stronger_identity_is_not_taken_off_under_the_weaker() -> None:
    gathered = gather([row(1, {"email": "1@example.com", "external_id": "c-1"}, "c-1")])
    made = plan(gathered, _Asked("external_id:c-1", "external_id:c-2"), AT, _all_well, NOTHING)
    planned = {(change.action, change.identity) for _, part in made.parts() for change in part}
    assert planned == {("add", "email:1@example.com"), ("remove", "external_id:c-2")}
    made.close()


def test_a_member_who_may_be_somebody_who_joins_is_kept_and_decided_about_later() -> None:
    gathered = gather([row(1, {"email": "1@example.com", "external_id": "c-1"}, "c-1")])
    made = plan(gathered, _Asked("external_id:c-1", "email:2@example.com"), AT, _all_well, NOTHING)
    assert made.undecided
    assert (made.counts.people, made.counts.adds, made.counts.unchanged, made.counts.kept) == (1, 1, 0, 1)
    made.only_leaving()
    assert [change.identity for _, part in made.parts() for change in part] == ["email:2@example.com"]
    made.close()


def test_nothing_is_undecided_when_nobody_joins() -> None:
    gathered = gather([row(1, {"email": "1@example.com", "external_id": "c-1"}, "c-1")])
    made = plan(gathered, _Asked("external_id:c-1", "email:1@example.com"), AT, _all_well, NOTHING)
    assert not made.undecided
    assert (made.counts.people, made.counts.adds, made.counts.updates, made.counts.kept) == (1, 0, 1, 1)
    made.close()


def test_what_the_ledger_raises_comes_through() -> None:
    def lost(_: list[int]) -> dict[int, Bucket]:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        plan(_gathered(1), lost, AT, _all_well, NOTHING)
