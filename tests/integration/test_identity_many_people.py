"""Values that very many people have had one after another, and ids whose hashes are alike."""

from __future__ import annotations

from itertools import count

import pytest

from queues.people.identities import Identities
from tests.support.identity_messages import add, entered, identify, member, remove, update
from tests.support.identity_world import IdentityWorld
from worker.delivery import Delivery
from worker.people.holding import FORMER

A, B = "a@example.com", "b@example.com"
#: More people than are remembered although they have another value by now.
MANY = FORMER + 4


def person(number: int) -> str:
    return f"p{number}@example.com"


@pytest.mark.parametrize("kind", ["phone", "external_id"])
def test_who_has_a_value_first_and_still_is_not_hidden_by_those_who_have_had_it_since(
    who: IdentityWorld, kind: str
) -> None:
    def value(number: int) -> dict[str, str]:
        return {kind: f"x-{number}" if kind == "external_id" else f"+14155553{number:03}"}

    who.send(add(A, **value(0)))
    for first in range(1, 2 * MANY, MANY):
        some = range(first, first + MANY)
        who.send(*(each for n in some for each in (add(person(n), **value(0)), update(person(n), **value(n)))))
    # The next delivery lets the former ones go that are too many.
    who.send(update(person(1), **value(0)), update(person(1), **value(1)))
    memory = Identities(who.redis, "default")
    (having,) = memory.holders([memory.hash((kind, next(iter(value(0).values()))))]).values()
    assert len(having) <= FORMER + 2
    who.send(remove(**value(0)))
    assert who.members() == {person(n) for n in range(1, 2 * MANY + 1)}


def test_a_user_leaves_under_an_e_mail_that_very_many_newer_ones_of_other_messages_have_followed(
    who: IdentityWorld,
) -> None:
    who.send(entered("u-1", A), entered("u-2", B))
    who.carry(False, *(identify("u-1", email=person(n)) for n in range(FORMER + 2)))
    who.send(entered("u-1", "", exited=True, traits={}))
    assert who.members() == {B}


def test_the_work_for_people_who_leave_by_their_ids_grows_with_their_number(
    who: IdentityWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls, hash_of = count(), Delivery.hash_of
    monkeypatch.setattr(Delivery, "hash_of", lambda self, person: (next(calls), hash_of(self, person))[1])
    work = []
    for some in (range(10), range(10, 40)):
        who.send(*(add(person(n), f"c-{n}") for n in some))
        before = next(calls)
        who.send(*(remove(external_id=f"c-{n}") for n in some))
        work.append(next(calls) - before)
    assert who.members() == set()
    assert work[1] < 4 * work[0]  # three times as many people


def alike(who: IdentityWorld) -> tuple[str, str]:
    """Two mpids whose hashes begin with the same two bytes."""
    memory, seen = Identities(who.redis, "mp"), dict[bytes, str]()
    for number in count(1):
        mpid = str(number)
        other = seen.setdefault(memory.hash(("mpid", mpid))[:2], mpid)
        if other != mpid:
            return other, mpid
    raise AssertionError("there are only so many hashes")


@pytest.mark.parametrize("names_it", [False, True], ids=["by id", "by e-mail and id"])
def test_ids_with_like_hashes_are_two_users_of_a_mailbox(who: IdentityWorld, names_it: bool) -> None:
    first, second = alike(who)
    who.send(member(A, first), member(A, second), member(B, "5"))
    leaving = A if names_it else None
    who.send(member(leaving, first, "delete"))
    assert who.members() == {A, B}
    who.send(member(leaving, second, "delete"))
    assert who.members() == {B}


def test_a_mailbox_stays_with_the_second_user_when_one_with_a_like_hash_moves(who: IdentityWorld) -> None:
    first, second = alike(who)
    who.carry(False, member(A, first), member(A, second), member(B, first))
    assert who.members() == {A, B}
