"""Two statements of one second about whose a value is: the later millisecond counts, whatever comes first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from queues.clock import now_ms
from tests.support.identity_messages import Posted, add, identify, iso, remove, segment, update
from tests.support.identity_world import IdentityWorld

A, B, MUM, DAD = (f"{name}@example.com" for name in ("a", "b", "mum", "dad"))
KINDS = pytest.mark.parametrize(
    ("kind", "old", "new"), [("phone", "+14155553000", "+14155553001"), ("external_id", "x-1", "x-2")]
)


@pytest.fixture
def second() -> int:
    """The beginning of a second an hour ago, ms."""
    return now_ms() // 1000 * 1000 - 3_600_000


def at(posted: Posted, ms: int) -> Posted:
    """The same message at that time of the CDP."""
    return replace(posted, at=iso(ms) if "segment" in posted.path else ms)


def played(who: IdentityWorld, user: str) -> str:
    """Whose the event of a user is that names no e-mail."""
    who.post(segment("track", userId=user, event="Played"))
    who.deliver("event")
    who.settle()
    return dict(who.events())["Played"]


def test_an_event_goes_to_the_newest_e_mail_though_an_older_one_of_that_second_was_delivered_later(
    who: IdentityWorld, second: int
) -> None:
    who.carry(False, at(identify("u-1", email=B), second + 800), at(identify("u-1", email=A), second + 200))
    assert played(who, "u-1") == B


def test_nor_does_it_go_to_an_older_one_of_that_second_that_is_pending(who: IdentityWorld, second: int) -> None:
    who.send(at(identify("u-1", email=B), second + 800))
    who.post(at(identify("u-1", email=A), second + 200))
    assert played(who, "u-1") == B


def test_it_goes_to_a_pending_one_that_is_newer_by_milliseconds(who: IdentityWorld, second: int) -> None:
    who.send(at(identify("u-1", email=A), second + 200))
    who.post(at(identify("u-1", email=B), second + 800))
    assert played(who, "u-1") == B


@KINDS
def test_a_person_has_the_newest_value_of_a_second(
    who: IdentityWorld, second: int, kind: str, old: str, new: str
) -> None:
    who.send(add(MUM, at=second))
    who.carry(False, update(MUM, **{kind: new}, at=second + 800), update(MUM, **{kind: old}, at=second + 200))
    who.send(add(DAD, **{kind: old}, at=second + 900))
    who.send(remove(**{kind: old}))
    assert who.members() == {MUM}
