"""Placeholders and blocked values in place of an e-mail: one rule for changes, events and consents."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.identity_messages import Posted, add, entered, identify, rows, segment
from tests.support.identity_world import CONNECTIONS, IdentityWorld, identity_world

ANN, BOB, NOBODY = "ann@example.com", "bob@example.com", "noreply@example.com"
PHONE = "+14155552671"
WORDS = pytest.mark.parametrize("text", ["null", "n/a", "NULL", "no_email", "-", "{{email}}", NOBODY])
BLOCKING = """
[connections.blocking]
api_key_env = "KLAVIYO_API_KEY"
blocked_identifiers = ["noreply@example.com", "/shop-.*@example.com/"]
allow_global_unsubscribe = true
actions = [
  {action = "upsert_profile", user_id_as_external_id = true},
  {action = "track_event", trigger = 'type = "track" and event = "Played"'},
  {action = "subscribe_profile", list_id = "$.properties.list"},
  {action = "unsubscribe_profile", list_id = "$.properties.list"},
]
"""


@pytest.fixture(scope="module")
def served_blocking(redis_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[IdentityWorld]:
    with identity_world(redis_server, CONNECTIONS + BLOCKING, tmp_path_factory.mktemp("blocking")) as world:
        yield world


@pytest.fixture
def blocking(served_blocking: IdentityWorld) -> Iterator[IdentityWorld]:
    """The ledger is empty; afterwards every change is accounted for, and no row had the identifiers of two people."""
    served_blocking.empty("refuse")
    served_blocking.clashes.clear()
    yield served_blocking
    assert served_blocking.unbalanced() == []
    assert served_blocking.clashes == []


def played(email: str, **more: Any) -> Posted:
    return segment("track", "blocking", event="Played", traits={"email": email}, **more)


def said(kind: str, **traits: str) -> Posted:
    return segment("track", "blocking", event=f"User {kind}", traits=traits)


def whose(who: IdentityWorld, metric: str = "Played") -> list[str]:
    return [person for name, person in who.events() if name == metric]


@WORDS
def test_an_event_with_a_placeholder_goes_to_the_person_with_its_id(blocking: IdentityWorld, text: str) -> None:
    blocking.send(identify("u-1", "blocking", email=ANN))
    blocking.send(played(text, userId="u-1"))
    assert whose(blocking) == [ANN]
    assert blocking.reasons() == {}
    assert blocking.warned() == {"identifier_blocked": 1}


@WORDS
def test_an_event_of_nobody_is_a_dead_letter_and_makes_no_profile(blocking: IdentityWorld, text: str) -> None:
    blocking.send(played(text, userId="0"))
    assert blocking.reasons() == {"identifier_blocked": 1}
    assert blocking.everybody() == []


@WORDS
def test_a_consent_with_a_placeholder_is_that_of_the_phone_alone(blocking: IdentityWorld, text: str) -> None:
    blocking.send(said("Subscribed", email=text, phone=PHONE))
    assert blocking.klaviyo.consent(PHONE, "sms") == "SUBSCRIBED"
    assert [blocking.identifiers(PHONE)] == [{"phone_number": PHONE}]
    assert (blocking.reasons(), blocking.warned()) == ({}, {"identifier_blocked": 1})


@WORDS
@pytest.mark.parametrize("kind", ["Subscribed", "Unsubscribed"])
def test_a_consent_of_nobody_reaches_nobody(blocking: IdentityWorld, text: str, kind: str) -> None:
    blocking.put(email=NOBODY)
    blocking.send(said(kind, email=text))
    assert blocking.reasons() == {"identifier_blocked": 1}
    assert blocking.klaviyo.consent(NOBODY) == "NEVER_SUBSCRIBED"


def test_a_consent_by_a_phone_that_is_nobodys_is_that_of_the_e_mail(blocking: IdentityWorld) -> None:
    blocking.send(said("Subscribed", email=ANN, phone="+10000000000"))
    assert blocking.klaviyo.consent(ANN) == "SUBSCRIBED"
    assert blocking.identifiers(ANN) == {"email": ANN}


@pytest.mark.parametrize("event", ["Played", "User Subscribed"])
def test_a_mistyped_e_mail_is_not_a_placeholder(blocking: IdentityWorld, event: str) -> None:
    told = {"email": "ann.example.com", "phone": PHONE} if event == "Played" else {"email": "ann.example.com"}
    blocking.send(segment("track", "blocking", userId="u-1", event=event, traits=told))
    assert blocking.reasons() == {"email_invalid": 1}


def test_the_rule_is_the_one_of_changes(blocking: IdentityWorld) -> None:
    for text in (NOBODY, "Shop-7@example.com", "null"):
        blocking.send(identify("u-1", "blocking", email=text, plan=text))
    assert [blocking.identifiers("u-1")] == [{"external_id": "u-1"}]
    assert blocking.warned() == {"identifier_blocked": 3}
    assert blocking.reasons() == {}


@WORDS
@pytest.mark.parametrize("form", ["row", "list"])
def test_a_row_of_a_snapshot_with_a_placeholder_is_the_member_with_its_id(
    blocking: IdentityWorld, text: str, form: str
) -> None:
    list_of: dict[str, Any] = {"connection": "blocking"}
    blocking.send(add(ANN, "c-1", **list_of), add(BOB, "c-2", **list_of))
    email: Any = text if form == "row" else [text]
    blocking.send(rows([{"email": email, "external_id": "c-1"}], **list_of))
    assert blocking.members() == {ANN}
    assert blocking.reasons() == {}


def test_of_several_e_mails_of_a_row_placeholders_are_left_out(blocking: IdentityWorld) -> None:
    blocking.send(rows([{"email": ["null", ANN, NOBODY], "external_id": "c-1"}], connection="blocking"))
    assert blocking.members() == {ANN}
    assert [each.get("email") for each in blocking.everybody()] == [ANN]


def test_an_audience_entered_with_a_placeholder_makes_no_second_profile_by_its_event(who: IdentityWorld) -> None:
    who.send(identify("u-1", email=ANN))
    who.send(entered("u-1", "n/a"))
    assert [each.get("email") for each in who.everybody()] == [ANN]
    assert who.members() == {ANN}
