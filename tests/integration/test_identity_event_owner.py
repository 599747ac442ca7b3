"""An event without an e-mail goes to the newest e-mail of its user, whether that one is delivered yet or not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.identity_messages import Posted, add, entered, identify, segment
from tests.support.identity_world import IdentityWorld

A, B = "a@example.com", "b@example.com"
STATES = pytest.mark.parametrize("state", ["pending", "open", "delivered"])
TELL = pytest.mark.parametrize("tell", [identify, entered])


def played(user: str, event: str, connection: str = "default") -> Posted:
    return segment("track", connection, userId=user, event=event)


def told(who: IdentityWorld, state: str, *messages: Posted) -> None:
    """These have come, and are pending, in an open batch, or delivered."""
    who.post(*messages)
    if state == "open":
        who.take()
    elif state == "delivered":
        who.settle()


def found(who: IdentityWorld, *events: Posted) -> dict[str, str]:
    """Deliver these events, then everything else; whose each event is."""
    who.post(*events)
    who.deliver("event")
    who.settle()
    return {metric: whose for metric, whose in who.events() if metric in ("One", "Two")}


@STATES
@TELL
def test_of_users_who_swap_e_mails(who: IdentityWorld, state: str, tell: Callable[..., Posted]) -> None:
    who.send(tell("u-1", email=A), tell("u-2", email=B))
    told(who, state, tell("u-1", email=B), tell("u-2", email=A))
    assert found(who, played("u-1", "One"), played("u-2", "Two")) == {"One": B, "Two": A}
    assert who.reasons() == {}


@STATES
@TELL
def test_of_a_user_with_a_new_e_mail(who: IdentityWorld, state: str, tell: Callable[..., Posted]) -> None:
    who.send(tell("u-1", email=A))
    told(who, state, tell("u-1", email=B))
    assert found(who, played("u-1", "One")) == {"One": B}


@STATES
def test_of_a_user_id_that_another_person_has_by_now(who: IdentityWorld, state: str) -> None:
    who.send(entered("u-1", email=A))
    who.send(entered("u-1", email=A, exited=True))
    told(who, state, entered("u-1", email=B))
    assert found(who, played("u-1", "One")) == {"One": B}


@STATES
def test_of_a_user_whose_old_e_mail_is_told_late(who: IdentityWorld, state: str) -> None:
    early = who.later() - 10_000
    who.send(identify("u-1", email=B))
    late = identify("u-1", email=A)
    told(who, state, Posted(late.path, late.body, late.stamp, early))
    assert found(who, played("u-1", "One")) == {"One": B}


def test_of_a_user_who_is_pending_with_the_e_mail_that_is_known(who: IdentityWorld) -> None:
    who.put(email=B, external_id="u-1")
    who.send(identify("u-1", email=A))
    who.post(identify("u-1", email=A, plan="gold"))
    assert found(who, played("u-1", "One")) == {"One": A}


def test_of_a_connection_that_keeps_old_e_mails_it_goes_to_a_known_person(who: IdentityWorld) -> None:
    who.send(identify("u-1", "keeping", email=A))
    who.post(add(B, connection="keeping"))
    assert found(who, played("u-1", "One", "keeping")) == {"One": A}
