"""Addresses, phones and ids that change hands: the newest that was told of each wins, and nobody leaves for another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from queues.clock import now_ms
from tests.support.identity_messages import (
    AUDIENCE,
    BATCHES,
    VIPS,
    Posted,
    add,
    entered,
    identify,
    iso,
    member,
    remove,
    segment,
    update,
)
from tests.support.identity_world import IdentityWorld

A, B, C, Z, MUM, DAD = (f"{name}@example.com" for name in ("a", "b", "c", "z", "mum", "dad"))
OLD, NEW = "+14155553000", "+14155553001"
SOURCES = pytest.mark.parametrize("source", ["mparticle", "mparticle with customer ids", "segment", "segment with ids"])
#: By a source: a person of that number enters under an address, or leaves without naming one, or naming one (`"-"` and
#: the address).
Told = tuple[int, str | None]


def said(source: str, told: Told) -> Posted:
    """`(1, A)`: person 1 enters under A. `(1, None)`, `(1, "-" + A)`: person 1 leaves and names no address, or A."""
    number, email = told
    leaves = email is None or email.startswith("-")
    email = email.removeprefix("-") if email else None
    if "mparticle" in source:
        known: dict[str, Any] = {"customer": f"c-{number}"} if "customer" in source else {}
        return member(email, str(number), "delete" if leaves else "add", **known)
    connection = "ids" if "ids" in source else "default"
    if email:
        return entered(f"u-{number}", email, connection, exited=leaves)
    return exited(f"u-{number}", connection, "aud_1")


def exited(user: str, connection: str, audience: str) -> Posted:
    """A user leaves, and no address is named."""
    personas = {"computation_class": "audience", "computation_key": VIPS, "computation_id": audience}
    context: Any = {"personas": personas}
    return segment("track", connection, userId=user, event="Audience Exited", context=context)


#: What is told in each batch, and who is on the list then.
STORIES: dict[str, tuple[Sequence[Sequence[Told]], set[str]]] = {
    "swap, 1 leaves": ([[(1, A), (2, B)], [(1, B), (2, A)], [(1, None)]], {A}),
    "swap, 2 leaves": ([[(1, A), (2, B)], [(1, B), (2, A)], [(2, None)]], {B}),
    "swap one by one, 1 leaves": ([[(1, A)], [(2, B)], [(1, B)], [(2, A)], [(1, None)]], {A}),
    "swap in one batch, 1 leaves": ([[(1, A), (2, B), (1, B), (2, A)], [(1, None)]], {A}),
    "swap and leave in one batch": ([[(1, A), (2, B), (1, B), (2, A), (1, None)]], {A}),
    "swap, then leave with the second half": ([[(1, A), (2, B)], [(1, B), (2, A), (1, None)]], {A}),
    "swap and back, 1 leaves": ([[(1, A), (2, B)], [(1, B), (2, A)], [(1, A), (2, B)], [(1, None)]], {B}),
    "ring of three, 2 leaves": ([[(1, A), (2, B), (3, C)], [(1, B), (2, C), (3, A)], [(2, None)]], {A, B}),
    "ring in one batch, 3 leaves": ([[(1, A), (2, B), (3, C), (1, B), (2, C), (3, A)], [(3, None)]], {B, C}),
    "swap, 1 moves on": ([[(1, A), (2, B)], [(1, B), (2, A)], [(1, Z)]], {A, Z}),
    "swap and move on in one batch": ([[(1, A), (2, B)], [(1, B), (2, A), (1, Z)]], {A, Z}),
    "all in one batch": ([[(1, A), (2, B), (1, B), (2, A), (1, Z)]], {A, Z}),
    "1 moves, 2 takes the old one, 1 leaves": ([[(1, A)], [(1, B)], [(2, A)], [(1, None)]], {A}),
    "1 moves, 2 takes the old one, 2 leaves": ([[(1, A)], [(1, B)], [(2, A)], [(2, None)]], {B}),
    "the same in one batch, 1 leaves": ([[(1, A), (1, B), (2, A)], [(1, None)]], {A}),
    "2 takes it before 1 moves, 1 leaves": ([[(1, A)], [(2, A)], [(1, B)], [(1, None)]], {A}),
    "2 takes it and 1 leaves": ([[(1, A)], [(2, A), (1, None)]], {A}),
    "one mailbox of two, 1 leaves": ([[(1, A), (2, A)], [(1, None)]], {A}),
    "one mailbox of two, both leave": ([[(1, A), (2, A)], [(1, None)], [(2, None)]], set()),
    "one mailbox of two, both leave at once": ([[(1, A), (2, A)], [(1, None), (2, None)]], set()),
    "one mailbox of two, both move": ([[(1, A), (2, A)], [(1, B)], [(2, C)]], {B, C}),
    "one mailbox of two, both move at once": ([[(1, A), (2, A)], [(1, B), (2, C)]], {B, C}),
    "1 passes through the address of 2": ([[(2, B)], [(1, B), (1, Z)]], {B, Z}),
    "1 is in the address of 2 and leaves": ([[(2, B)], [(1, B), (1, None)]], {B}),
    "one mailbox of two, 1 leaves and names it": ([[(1, A), (2, A)], [(1, f"-{A}")]], {A}),
    "one mailbox of two in one batch, 1 leaves and names it": ([[(1, A), (2, A), (1, f"-{A}")]], {A}),
    "one mailbox of two, both leave and name it": ([[(1, A), (2, A)], [(1, f"-{A}")], [(2, f"-{A}")]], set()),
    "one mailbox of two, both leave at once and name it": ([[(1, A), (2, A)], [(1, f"-{A}"), (2, f"-{A}")]], set()),
    "swap, 1 leaves and names the former address": ([[(1, A), (2, B)], [(1, B), (2, A)], [(1, f"-{A}")]], {A}),
    "swap, 1 leaves and names the new address": ([[(1, A), (2, B)], [(1, B), (2, A)], [(1, f"-{B}")]], {A}),
    "alone, 1 leaves and names it": ([[(1, A), (2, B)], [(1, f"-{A}")]], {B}),
    "one mailbox of two, 1 leaves and 2 moves at once": ([[(1, A), (2, A)], [(1, None), (2, B)]], {B}),
    "one mailbox of two, 2 moves and 1 leaves at once": ([[(1, A), (2, A)], [(2, B), (1, None)]], {B}),
    "one mailbox of two, 1 leaves and 2 moves, in one batch": ([[(1, A), (2, A), (1, None), (2, B)]], {B}),
    "2 joins and leaves before 1 joins, 1 leaves": ([[(2, A), (2, None), (1, A)], [(1, None)]], set()),
    "2 joins and leaves before 1 joins, 1 moves": ([[(2, A), (2, None), (1, A)], [(1, B)]], {B}),
    "2 leaves, 1 takes the address and leaves": ([[(2, B)], [(2, None)], [(1, B)], [(1, None)]], set()),
}


@SOURCES
@pytest.mark.parametrize(("batches", "left"), STORIES.values(), ids=STORIES)
def test_the_newest_telling_of_whose_an_address_is_wins(
    who: IdentityWorld, source: str, batches: Sequence[Sequence[Told]], left: set[str]
) -> None:
    for told in batches:
        who.send(*(said(source, each) for each in told))
    assert who.members() == left
    assert who.reasons() == {}


#: The same with the CDP's hour of each, in the order in which they come.
LATE: dict[str, tuple[Sequence[Sequence[tuple[int, Told]]], set[str]]] = {
    "swap, the first half last": ([[(1, (1, A)), (2, (2, B))], [(4, (2, A))], [(3, (1, B))]], {A, B}),
    "swap, the first half last, 1 leaves": (
        [[(1, (1, A)), (2, (2, B))], [(4, (2, A))], [(3, (1, B))], [(5, (1, None))]],
        {A},
    ),
    "2 leaves after 1 had joined": ([[(2, (2, B))], [(4, (2, None))], [(3, (1, B))]], {B}),
    "2 leaves and names it after 1 had joined": ([[(2, (2, B))], [(4, (2, f"-{B}"))], [(3, (1, B))]], {B}),
    "2 moves after 1 had joined": ([[(2, (2, B))], [(4, (2, C))], [(3, (1, B))]], {B, C}),
    "2 left before 1 joined": ([[(1, (2, B))], [(3, (1, B))], [(2, (2, None))], [(4, (1, None))]], set()),
    "2 left and came back": ([[(1, (2, B))], [(4, (2, B))], [(3, (2, None))]], {B}),
    "2 joined before 2 left": ([[(1, (2, B))], [(4, (2, None))], [(3, (2, B))]], set()),
}


def hours(posted: Posted, hour: int) -> Posted:
    """The same message at that hour of the last day."""
    at = now_ms() - (24 - hour) * 3_600_000
    return replace(posted, at=iso(at) if "segment" in posted.path else at)


@SOURCES
@pytest.mark.parametrize(("batches", "left"), LATE.values(), ids=LATE)
def test_the_newest_by_the_cdps_time_wins_whatever_comes_first(
    who: IdentityWorld, source: str, batches: Sequence[Sequence[tuple[int, Told]]], left: set[str]
) -> None:
    for told in batches:
        who.send(*(hours(said(source, each), hour) for hour, each in told))
    assert who.members() == left
    assert who.reasons() == {}


@pytest.mark.parametrize("source", ["segment", "segment with ids"])
@BATCHES
def test_a_users_address_replaces_nobody_who_got_the_same_id_from_another_source(
    who: IdentityWorld, together: bool, source: str
) -> None:
    list_of_user: dict[str, Any] = {"audience": ("aud_1", VIPS)}
    list_of_user["connection"] = "ids" if source == "segment with ids" else "default"
    who.carry(together, *(add(each, "u-1", **list_of_user) for each in (MUM, DAD)))
    who.carry(together, said(source, (1, A)), said(source, (1, B)))
    assert who.members() == {MUM, DAD, B}


def on_second(posted: Posted) -> Posted:
    """The same message about the list Second."""
    body = deepcopy(posted.body)
    if "mparticle" in posted.path:
        body["user_profiles"][0]["audiences"][0] |= {"audience_id": AUDIENCE + 1, "audience_name": "Second"}
    else:
        body["context"]["personas"] |= {"computation_key": "Second", "computation_id": "aud_2"}
    return replace(posted, body=body)


#: The same on two lists: in each batch what is told of the first list, then what is told of the second.
LISTS: dict[str, tuple[Sequence[tuple[Sequence[Told], Sequence[Told]]], set[str], set[str]]] = {
    "one mailbox of two, 2 moves on the first, 1 on the second": (
        [([], [(1, A), (2, A)]), ([(2, C)], []), ([], [(1, B)])],
        {C},
        {A, B},
    ),
    "one mailbox of two, 2 moves on the first, 1 leaves the second": (
        [([], [(1, A), (2, A)]), ([(2, C)], []), ([], [(1, None)])],
        {C},
        {A},
    ),
    "1 is on the second, 2 leaves the first": ([([], [(1, A)]), ([(2, A)], []), ([(2, None)], [])], set(), {A}),
    "1 is on the second, 2 moves on the first": ([([], [(1, A)]), ([(2, A)], []), ([(2, B)], [])], {B}, {A}),
    "1 leaves one, 2 joins it and leaves": (
        [([(1, A)], [(1, A)]), ([(1, None)], []), ([(2, A)], []), ([(2, None)], [])],
        set(),
        {A},
    ),
    "1 moves on both, one by one": ([([(1, A)], [(1, A)]), ([(1, B)], []), ([], [(1, B)])], {B}, {B}),
    "1 moves on the first, 2 takes the address, 1 leaves the second": (
        [([(1, A)], [(1, A)]), ([(1, B)], []), ([(2, A)], []), ([], [(1, None)])],
        {A, B},
        set(),
    ),
    "mailbox of two on both, 1 moves on the first and leaves the second": (
        [([(1, A), (2, A)], [(1, A), (2, A)]), ([(1, B)], []), ([], [(1, None)])],
        {A, B},
        {A},
    ),
    "mailbox of two on both, both leave the second": (
        [([(1, A), (2, A)], [(1, A), (2, A)]), ([(1, B)], []), ([], [(1, None)]), ([], [(2, None)])],
        {A, B},
        set(),
    ),
}


@SOURCES
@pytest.mark.parametrize(("batches", "first", "second"), LISTS.values(), ids=LISTS)
def test_a_mailbox_stays_on_each_list_for_the_users_who_are_on_that_list(
    who: IdentityWorld,
    source: str,
    batches: Sequence[tuple[Sequence[Told], Sequence[Told]]],
    first: set[str],
    second: set[str],
) -> None:
    for one, other in batches:
        who.send(*(said(source, each) for each in one), *(on_second(said(source, each)) for each in other))
    assert (who.members(), who.members("Second")) == (first, second)
    assert who.reasons() == {}


@pytest.mark.parametrize("first", [identify("u-1", email=A), entered("u-1", A)], ids=["identify", "enter"])
def test_a_mailbox_leaves_with_its_second_user_though_the_first_is_still_a_profile(
    who: IdentityWorld, first: Posted
) -> None:
    who.carry(False, first, identify("u-1", email=A), entered("u-1", A), said("segment", (1, None)), entered("u-2", A))
    assert who.members() == {A}
    who.send(said("segment", (2, None)))
    assert who.members() == set()


@SOURCES
def test_a_mailbox_that_was_taken_off_by_its_address_belongs_to_its_next_user(who: IdentityWorld, source: str) -> None:
    of_mparticle = "mparticle" in source
    connection = "mp" if of_mparticle else "ids" if source == "segment with ids" else "default"
    gone = remove(A, audience=(AUDIENCE if of_mparticle else "aud_1", VIPS), connection=connection)
    who.carry(False, said(source, (1, A)), gone, said(source, (2, A)), said(source, (2, None)))
    assert who.members() == set()


def test_a_user_who_is_told_of_by_an_update_is_the_newest_too(who: IdentityWorld) -> None:
    who.carry(False, entered("u1", A), identify("u1", email=B), entered("u2", A))
    who.send(said("segment", (1, None)))
    assert who.members() == {A}


def test_an_address_that_is_told_of_again_without_any_id_is_not_taken_along(who: IdentityWorld) -> None:
    who.send(entered("u-1", A, "mp", audience=str(AUDIENCE)))
    who.send(entered("u-1", B, "mp", audience=str(AUDIENCE)))
    who.send(add(A, audience=(AUDIENCE, VIPS), connection="mp"))
    who.send(exited("u-1", "mp", str(AUDIENCE)))
    assert who.members() == {A}


KINDS = pytest.mark.parametrize(("kind", "old", "new"), [("phone", OLD, NEW), ("external_id", "x-1", "x-2")])


@KINDS
@BATCHES
def test_a_value_that_was_given_up_stands_for_whoever_has_it_now(
    who: IdentityWorld, together: bool, kind: str, old: str, new: str
) -> None:
    told = [add(MUM, **{kind: old}), update(MUM, **{kind: new}), add(DAD, **{kind: old})]
    who.carry(together, *told, update(**{kind: old}, plan="gold"))
    assert (who.attributes(MUM), who.attributes(DAD)) == ({}, {"plan": "gold"})
    assert who.reasons() == {}
    who.carry(together, remove(**{kind: old}))
    assert who.members() == {MUM}


@KINDS
@pytest.mark.parametrize("parts", [(1, 3), (2, 2), (2, 1), (3, 1), (0, 4)])
def test_so_does_it_for_a_removal_however_the_batches_fall(
    who: IdentityWorld, parts: tuple[int, int], kind: str, old: str, new: str
) -> None:
    told = [add(MUM, **{kind: old}), update(MUM, **{kind: new}), add(DAD, **{kind: old}), remove(**{kind: old})]
    first, second = parts
    for some in (told[:first], told[first : first + second], told[first + second :]):
        if some:
            who.send(*some)
    assert who.members() == {MUM}


@KINDS
@BATCHES
def test_a_value_that_nobody_has_now_stands_for_who_had_it(
    who: IdentityWorld, together: bool, kind: str, old: str, new: str
) -> None:
    who.carry(together, add(MUM, **{kind: old}), add(DAD), update(MUM, **{kind: new}))
    who.send(remove(**{kind: old}))
    assert who.members() == {DAD}


@BATCHES
@pytest.mark.parametrize("news", [remove, update])
def test_a_family_that_has_one_phone_at_the_same_time_keeps_sharing_it(
    who: IdentityWorld, together: bool, news: Callable[..., Posted]
) -> None:
    who.carry(together, add(MUM, phone=OLD), add(DAD, phone=OLD), add(A))
    who.send(news(phone=OLD))
    assert who.members() == ({A} if news is remove else {A, MUM, DAD})
    assert who.reasons() == ({} if news is remove else {"ambiguous_person": 1})


def test_late_news_of_an_old_phone_gives_it_to_nobody(who: IdentityWorld) -> None:
    early = who.later()
    who.send(add(MUM, phone=NEW))
    who.send(add(MUM, phone=OLD, at=early), add(DAD, phone=OLD))
    who.send(remove(phone=OLD))
    assert who.members() == {MUM}


@BATCHES
def test_ids_that_contradict_are_not_one_person_whatever_else_is_the_same(who: IdentityWorld, together: bool) -> None:
    who.send(add(phone=OLD, external_id="x-1"), add(DAD))
    who.carry(together, remove(A, "x-2", OLD))
    assert who.members() == {OLD, DAD}
    assert who.warned()["not_on_list"] == 1


def test_a_removal_by_a_phone_and_the_id_of_another_takes_off_the_one_with_the_id(who: IdentityWorld) -> None:
    who.send(add(MUM, "x-1", OLD), add(DAD, "x-2", NEW))
    who.send(remove(external_id="x-2", phone=OLD))
    assert who.members() == {MUM}


@KINDS
def test_a_removal_by_a_value_takes_off_nobody_who_gets_the_value_later(
    who: IdentityWorld, kind: str, old: str, new: str
) -> None:
    who.send(add(MUM, **{kind: old}), add(DAD))
    who.send(remove(**{kind: new}), update(MUM, **{kind: new}), update(DAD, **{kind: new}))
    assert who.members() == {MUM, DAD}
    who.send(remove(**{kind: new}))
    assert who.members() == set()


@KINDS
def test_a_persons_newest_value_is_the_newest_by_the_cdps_time(
    who: IdentityWorld, kind: str, old: str, new: str
) -> None:
    now = now_ms()
    who.send(add(MUM, **{kind: "x-0" if kind == "external_id" else "+14155553009"}, at=now - 9_000_000))
    who.carry(False, update(MUM, **{kind: new}, at=now - 5_000_000), update(MUM, **{kind: old}, at=now - 7_000_000))
    who.send(add(DAD, **{kind: old}, at=now - 3_000_000))
    who.send(remove(**{kind: old}))
    assert who.members() == {MUM}
    who.send(remove(**{kind: new}))
    assert who.members() == set()


@KINDS
def test_a_value_that_was_once_told_alone_leaves_its_former_person(
    who: IdentityWorld, kind: str, old: str, new: str
) -> None:
    who.carry(False, add(MUM, **{kind: old}), add(**{kind: old}), update(MUM, **{kind: new}), add(DAD, **{kind: old}))
    who.send(remove(**{kind: old}))
    assert who.members() == {MUM}


def test_a_user_who_leaves_takes_off_nobody_who_has_the_id_at_klaviyo_only(who: IdentityWorld) -> None:
    who.put(VIPS, email=MUM, external_id="u-1")
    who.send(said("segment", (1, DAD)))
    assert who.members() == {MUM, DAD}
    who.send(said("segment", (1, None)))
    assert who.members() == {MUM}


def test_a_removal_by_an_id_that_ferry_never_delivered_takes_off_who_has_it_at_klaviyo(who: IdentityWorld) -> None:
    who.put(VIPS, email=MUM, external_id="x-1")
    who.send(add(DAD))
    who.send(remove(external_id="x-1"))
    assert who.members() == {DAD}


@KINDS
def test_a_removal_by_a_shared_value_takes_off_who_joined_again_before_it(
    who: IdentityWorld, kind: str, old: str, new: str
) -> None:
    who.send(add(MUM, **{kind: old}), add(DAD, **{kind: old}), add(A, **{kind: new}))
    who.send(remove(MUM))
    who.send(add(MUM), remove(**{kind: old}))
    assert who.members() == {A}
    who.send(remove(**{kind: old}), add(MUM))
    assert who.members() == {A, MUM}


@KINDS
@pytest.mark.parametrize("news", [add, update])
def test_a_value_of_several_who_have_all_left_says_not_whose_the_news_is(
    who: IdentityWorld, news: Callable[..., Posted], kind: str, old: str, new: str
) -> None:
    who.carry(False, add(MUM, **{kind: old}), add(DAD, **{kind: old}), remove(MUM), remove(DAD), news(**{kind: old}))
    assert who.members() == set()
    assert who.reasons() == {"ambiguous_person": 1}


@KINDS
def test_a_value_of_one_who_has_left_brings_that_one_back(who: IdentityWorld, kind: str, old: str, new: str) -> None:
    who.carry(False, add(MUM, **{kind: old}), remove(MUM), add(**{kind: old}))
    assert who.members() == {MUM}
