"""A file names people by other identifiers than the membership ledger: who is whom, by what is remembered of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import closing
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from queues.snapshots.members import Bucket, Member, bucket_of
from snapshots.digests import digests
from snapshots.gathering import gather
from snapshots.plan import PlannedChange
from snapshots.planning import plan
from snapshots.rows import row
from tests.support.remembered import Remembered

AT = 1_000
ANN, BOB = {"email": "ann@example.com"}, {"email": "bob@example.com"}
ID, PHONE = {"external_id": "c-1"}, {"phone": "+14155552671"}
_NAMES = {"email": "email", "external_id": "external_id", "phone": "phone_number"}


def name(person: Mapping[str, str]) -> str:
    """As the membership ledger has it."""
    ((kind, value),) = person.items()
    return f"{_NAMES[kind]}:{value}"


class Made(NamedTuple):
    """What a snapshot comes to. `changes`: action and identity. `sent`: by identity, of those who are not removed.

    `as_read`: by identity, whether the change has the identifiers of its row.
    """

    changes: set[tuple[str, str]]
    sent: dict[str, Any]
    counts: dict[str, Any]
    as_read: dict[str, bool]


def made(
    rows: Iterable[dict[str, Any]],
    members: dict[str, Member] | list[dict[str, str]],
    memory: Remembered,
    unsendable: str = "nobody",
) -> Made:
    """A snapshot of these rows for a ledger of these members."""
    known = members if isinstance(members, dict) else {name(each): Member(1) for each in members}

    held: dict[int, Bucket] = {}
    for each, member in known.items():
        held.setdefault(bucket_of(each), Bucket({})).members[each] = member

    def buckets(numbers: list[int]) -> dict[int, Bucket]:
        return {number: held.get(number, Bucket()) for number in numbers}

    as_read: dict[str, bool] = {}

    def check(change: PlannedChange, is_as_read: bool) -> str | None:
        as_read[change.identity] = is_as_read
        return "profile_too_large" if unsendable.encode() in change.fragment else None

    gathered = gather(row(number, person) for number, person in enumerate(rows, 1))
    with closing(gathered), closing(plan(gathered, buckets, AT, check, memory)) as planned:
        found = [change for _, part in planned.parts() for change in part]
        sent = {each.identity: msgspec.json.decode(each.fragment) for each in found if each.action != "remove"}
        counts = {key: value for key, value in msgspec.to_builtins(planned.counts).items() if value}
        return Made({(each.action, each.identity) for each in found}, sent, counts, as_read)


@pytest.fixture
def memory() -> Remembered:
    """Ann was delivered with an id."""
    found = Remembered()
    found.deliver(("email", ANN["email"]), "P1", [("external_id", "c-1")], by=[("external_id", "c-1")])
    return found


def test_a_row_of_an_id_alone_is_the_member_who_was_delivered_under_it(memory: Remembered) -> None:
    found = made([ID], [ANN, BOB], memory)
    assert found.changes == {("remove", name(BOB))}
    assert found.counts == {"rows": 1, "customers": 1, "people": 1, "held": 2, "removals": 1, "unchanged": 1}


def test_what_is_new_of_them_is_sent_under_the_address(memory: Remembered) -> None:
    known = {name(ANN): Member(1, digests(msgspec.json.encode(ANN | {"attributes": {"plan": "gold"}})))}
    assert made([ID | {"attributes": {"plan": "gold"}}], known, memory).changes == set()
    found = made([ID | {"attributes": {"plan": "blue"}}], known, memory)
    assert found.changes == {("update", name(ANN))}
    assert found.sent == {name(ANN): ANN | {"attributes": {"plan": "blue"}}}
    assert found.as_read == {name(ANN): False}


def test_a_row_of_an_id_that_stands_for_two_members_is_nobody_and_both_stay(memory: Remembered) -> None:
    memory.deliver(("email", BOB["email"]), "P2", [], by=[("external_id", "c-1")])
    found = made([ID, {"email": "x@example.com"}], [ANN, BOB], memory)
    assert found.changes == {("add", "email:x@example.com")}
    assert (found.counts["shrink"], found.counts["people"], found.counts["kept"]) == (
        {"ambiguous_person": 1},
        1,
        2,
    )


def test_whoever_is_on_other_lists_only_is_added_by_the_id_unless_several_are(memory: Remembered) -> None:
    assert made([ID], [BOB], memory).changes == {("add", name(ID)), ("remove", name(BOB))}
    memory.deliver(("email", "cid@example.com"), "P3", [], by=[("external_id", "c-1")])
    assert made([ID], [BOB], memory).changes == {("remove", name(BOB))}
    memory.leave(("email", "cid@example.com"))
    assert made([ID], [BOB], memory).changes == {("add", name(ID)), ("remove", name(BOB))}


def test_a_second_row_of_a_member_is_a_duplicate(memory: Remembered) -> None:
    memory.deliver(("email", ANN["email"]), "P1", [], by=[("phone", PHONE["phone"])])
    found = made([ID, PHONE], [ANN], memory)
    assert found.changes == set()
    assert (found.counts["people"], found.counts["duplicates"], found.counts["unchanged"]) == (1, 1, 1)


@pytest.mark.parametrize("held", [[ANN], []], ids=["member", "new"])
def test_a_row_of_the_id_of_somebody_who_has_a_row_with_the_address_is_a_duplicate(
    memory: Remembered, held: list[dict[str, str]]
) -> None:
    found = made([ANN, ID], held, memory)
    assert found.changes == (set() if held else {("add", name(ANN))})
    assert (found.counts["people"], found.counts["duplicates"], found.counts["customers"]) == (1, 1, 1)


def test_a_member_who_is_newer_than_the_snapshot_is_left_alone_whatever_the_row_calls_them(memory: Remembered) -> None:
    found = made([ID], {name(ANN): Member(AT + 1)}, memory)
    assert (found.changes, found.counts["newer"]) == (set(), 1)


def test_a_member_whose_row_cannot_be_sent_stays_one(memory: Remembered) -> None:
    found = made([ID | {"attributes": {"plan": "x"}}], [ANN], memory, unsendable="plan")
    assert (found.changes, found.counts["shrink"]) == (set(), {"profile_too_large": 1})


@pytest.mark.parametrize("weaker", [ID, PHONE])
def test_a_member_of_a_profile_that_is_known_by_its_address_joins_by_that_and_is_not_taken_off(
    weaker: dict[str, str],
) -> None:
    memory = Remembered()
    ((kind, value),) = weaker.items()
    memory.deliver((kind, value), "P1", [])
    memory.deliver(("email", ANN["email"]), "P1", [])
    memory.deliver(("email", BOB["email"]), "P2", [])
    told = {"attributes": {"city": None}}
    assert made([ANN | told], [weaker], memory).changes == {("add", name(ANN))}
    assert made([ANN | told], [weaker], memory).sent == {name(ANN): ANN | told}, "they may have to be cleared of it"
    assert made([BOB], [weaker], memory).changes == {("add", name(BOB)), ("remove", name(weaker))}


def test_nobody_leaves_whose_profile_has_shown_what_the_row_says() -> None:
    memory = Remembered()
    memory.deliver(("phone", PHONE["phone"]), "P1", [("email", ANN["email"])])
    assert made([ANN], [PHONE], memory).changes == {("add", name(ANN))}
    memory = Remembered()
    memory.deliver(("email", ANN["email"]), "P1", [("phone", PHONE["phone"])])
    assert made([PHONE], [ANN], memory).changes == {("add", name(PHONE))}


def test_two_addresses_are_two_people_whatever_else_they_share(memory: Remembered) -> None:
    memory.deliver(("email", BOB["email"]), "P1", [("external_id", "c-1")], by=[("external_id", "c-1")])
    assert made([BOB | ID], [ANN], memory).changes == {("add", name(BOB)), ("remove", name(ANN))}


def test_a_member_of_an_id_that_the_file_links_with_an_address_stays_until_klaviyo_has_said_whose_it_is() -> None:
    nothing = Remembered()
    assert made([ANN | PHONE], [PHONE], nothing).changes == {("add", name(ANN))}
    assert made([ANN | PHONE], [ANN, PHONE], nothing).changes == {("update", name(ANN))}


def test_it_is_taken_off_once_it_is_known_to_be_another_profile() -> None:
    memory = Remembered()
    memory.deliver(("phone", PHONE["phone"]), "P1", [])
    assert made([ANN | PHONE], [ANN, PHONE], memory).changes == {("update", name(ANN))}
    memory.deliver(("email", ANN["email"]), "P2", [], by=[("phone", PHONE["phone"])])
    assert ("remove", name(PHONE)) in made([ANN | PHONE], [ANN, PHONE], memory).changes
    assert made([ANN | PHONE], [PHONE], memory).changes == {("add", name(ANN))}, "not while Ann joins"
    memory.deliver(("email", ANN["email"]), "P1", [])
    assert made([ANN | PHONE], [ANN, PHONE], memory).changes == {("update", name(ANN))}


def test_a_row_of_an_id_and_a_phone_is_the_member_whom_the_ledger_has_by_the_phone() -> None:
    told = {"attributes": {"plan": "gold"}}
    found = made([ID | PHONE | told], [PHONE], Remembered())
    assert (found.changes, found.sent) == ({("update", name(PHONE))}, {name(PHONE): PHONE | told})
    two = [ID | PHONE, {"external_id": "c-2"} | PHONE]
    assert made(two, [PHONE], Remembered()).changes == {("add", name(ID)), ("add", "external_id:c-2")}


@pytest.mark.parametrize(
    ("rows", "held"),
    [([ANN, BOB], [ANN, {"email": "x@example.com"}]), ([ID, PHONE], [ID, PHONE]), ([ANN | ID], [ANN])],
    ids=["nothing but addresses", "ids as before", "addresses with ids as before"],
)
def test_nobody_is_looked_for_where_nobody_can_be_known_otherwise(
    memory: Remembered, rows: list[dict[str, str]], held: list[dict[str, str]]
) -> None:
    made(rows, held, memory)
    assert memory.asked == 0


class Profile(NamedTuple):
    """Somebody at Klaviyo."""

    number: int
    identifiers: dict[str, str]

    def some(self, kinds: Iterable[str]) -> dict[str, str]:
        return {kind: value for kind, value in self.identifiers.items() if kind in kinds}


KINDS = ("email", "external_id", "phone")
_kinds = st.sets(st.sampled_from(KINDS), min_size=1)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[Profile], dict[int, str], list[tuple[int, set[str]]]]:
    """Profiles; by which name some of them are members; rows of some of them, with some of their identifiers."""
    profiles = []
    for number, kinds in enumerate(draw(st.lists(_kinds, min_size=1, max_size=4))):
        values = {"email": f"p{number}@example.com", "external_id": f"c-{number}", "phone": f"+1415555267{number}"}
        profiles.append(Profile(number, {kind: values[kind] for kind in KINDS if kind in kinds}))
    named = {
        each.number: name({kind: each.identifiers[kind]})
        for each in profiles
        if draw(st.booleans())
        for kind in [draw(st.sampled_from(sorted(each.identifiers)))]
    }
    rows = [
        (each.number, set(draw(st.sets(st.sampled_from(sorted(each.identifiers)), min_size=1))))
        for each in draw(st.lists(st.sampled_from(profiles), max_size=6))
    ]
    return profiles, named, rows


#: Each looks at all 4,096 buckets.
@settings(max_examples=60)
@given(worlds(), st.booleans())
def test_no_profile_is_both_added_and_taken_off_and_the_list_becomes_the_file(
    world: tuple[list[Profile], dict[int, str], list[tuple[int, set[str]]]], delivered_under: bool
) -> None:
    profiles, named, rows = world
    memory = Remembered()
    owner = {name({kind: value}): each.number for each in profiles for kind, value in each.identifiers.items()}
    for each in profiles:
        # Every name of a profile has led to it before, or its address has, together with all else.
        for place, (kind, value) in enumerate(each.identifiers.items()):
            others = [pair for pair in each.identifiers.items() if pair != (kind, value)]
            if delivered_under and place == 0:
                memory.deliver((kind, value), f"P{each.number}", others, by=others)
            elif not delivered_under:
                memory.deliver((kind, value), f"P{each.number}", others)
    found = made(
        [profiles[number].some(kinds) for number, kinds in rows], {v: Member(1) for v in named.values()}, memory
    )
    added = {owner[identity] for action, identity in found.changes if action == "add"}
    gone = {owner[identity] for action, identity in found.changes if action == "remove"}
    assert not added & gone
    assert (named.keys() - gone) | added == {number for number, _ in rows}
