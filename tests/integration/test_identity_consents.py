"""Whose a consent is: an address's, and nobody's who shares anything else with its owner."""

from __future__ import annotations

from typing import Any

import pytest

from mappings import consent_state
from queues.change import person_key
from queues.clock import now_ms
from tests.support.consents import GIVEN, told_before
from tests.support.emulator_api import SUBSCRIBE, UNSUBSCRIBE
from tests.support.identity_messages import ACCOUNT, Posted, consent, identify, member, segment
from tests.support.identity_world import IdentityWorld

AGREED, NEVER, ANN, MUM, KID = (f"{name}@example.com" for name in ("agreed", "neverasked", "ann", "mum", "kid"))
PHONE, OTHER_PHONE = "+14155552671", "+14155552672"
CHANNELS = ("email", "sms")


def said(kind: str, list_id: str | None = None, connection: str = "lists", **traits: str) -> Posted:
    """A subscription, or its end, as Segment tells it."""
    return segment("track", connection, event=f"User {kind}", traits=traits, properties={"list": list_id})


def subscribed(who: IdentityWorld, known_as: str) -> tuple[bool, ...]:
    """Whether the profile with this identifier agrees to e-mail, and to SMS."""
    return tuple(who.klaviyo.consent(known_as, channel) == "SUBSCRIBED" for channel in CHANNELS)


def requests(who: IdentityWorld, path: str) -> list[dict[str, Any]]:
    """Those to this path, the oldest first."""
    journal = who.klaviyo.get("/_emulator/requests").json()
    return [request for request in journal if request["path"].startswith(path)]


def asked(who: IdentityWorld, path: str) -> list[dict[str, Any]]:
    """The rows of the requests to this path."""
    return [
        row["attributes"]
        for request in requests(who, path)
        for row in request["body"]["data"]["attributes"]["profiles"]["data"]
    ]


@pytest.mark.parametrize("mpid", ["0", "-1", "null", "NULL", "7"])
def test_the_consent_of_one_is_not_that_of_another_with_the_same_mpid(who: IdentityWorld, mpid: str) -> None:
    who.send(consent(AGREED, mpid))
    who.send(member(NEVER, mpid))
    who.send(member(AGREED.upper(), mpid))
    assert subscribed(who, NEVER) == (False, False)
    assert subscribed(who, AGREED) == (True, False)


@pytest.mark.parametrize("mpid", ["0", "null", "7"])
def test_nor_is_one_that_a_version_before_kept_under_both_keys(who: IdentityWorld, redis_url: str, mpid: str) -> None:
    keys = [person_key("mpid", f"{ACCOUNT}:{mpid}"), person_key("email", AGREED)]
    told_before(redis_url, keys, consent_state.read(GIVEN, 1, now_ms()), "mp")
    who.send(member(NEVER, mpid))
    who.send(member(AGREED, mpid))
    assert subscribed(who, NEVER) == (False, False)
    assert subscribed(who, AGREED) == (True, False)


def test_a_consent_told_by_an_mpid_alone_is_that_of_the_first_address_that_comes_with_it(who: IdentityWorld) -> None:
    who.send(consent(None, "7"))
    who.carry(False, member(AGREED, "7"), member(NEVER, "7"), member(AGREED, "7"))
    assert subscribed(who, NEVER) == (False, False)
    assert subscribed(who, AGREED) == (True, False)


def test_a_consent_of_an_address_is_found_however_it_is_spelled(who: IdentityWorld) -> None:
    who.send(consent(" Agreed@EXAMPLE.com", "7"))
    who.send(member("agreed@example.com", "8"))
    assert subscribed(who, AGREED) == (True, False)


def test_a_consent_told_of_a_phone_alone_is_not_that_of_an_address_of_the_family(who: IdentityWorld) -> None:
    phone = [{"type": "mobile_number", "encoding": "raw", "value": PHONE}]
    told = consent(None, None)
    who.send(Posted(told.path, {**told.body, "user_identities": phone}, told.stamp))
    who.send(member(NEVER, "8", phone=PHONE))
    assert subscribed(who, NEVER) == (False, False)


def test_somebody_who_consents_by_both_channels_is_one_profile_and_each_row_has_one_address(
    who: IdentityWorld,
) -> None:
    list_id = who.klaviyo.make_list("News", opt_in_process="single_opt_in")
    who.send(said("Subscribed", email=ANN, phone=PHONE), said("Subscribed", list_id, email=MUM, phone=OTHER_PHONE))
    for address, phone in ((ANN, PHONE), (MUM, OTHER_PHONE)):
        assert subscribed(who, address) == (True, True)
        assert who.identifiers(address) == {"email": address, "phone_number": phone}
    assert len(who.everybody()) == 2
    assert all(len({"email", "phone_number"} & row.keys()) == 1 for row in asked(who, SUBSCRIBE))


@pytest.mark.parametrize("kid", [{}, {"email": KID}])
def test_a_phone_of_somebody_else_stays_theirs_when_another_consents_by_it(
    who: IdentityWorld, kid: dict[str, str]
) -> None:
    who.put(email=MUM, phone_number=PHONE, first_name="Mum")
    if kid:
        who.put(**kid)
    who.send(said("Subscribed", email=KID, phone=PHONE))
    assert who.identifiers(MUM) == {"email": MUM, "phone_number": PHONE}
    assert who.identifiers(KID) == {"email": KID}
    assert subscribed(who, KID) == (True, False)
    assert subscribed(who, MUM) == (False, True), "the number has consented"
    assert who.attributes(MUM) == {"first_name": "Mum"}


def test_of_two_who_consent_by_one_phone_at_once_one_gets_it(who: IdentityWorld) -> None:
    who.send(said("Subscribed", email=MUM, phone=PHONE), said("Subscribed", email=KID, phone=PHONE))
    assert (subscribed(who, MUM)[0], subscribed(who, KID)[0]) == (True, True)
    assert len(who.has("phone_number", PHONE)) == 1
    assert len(who.everybody()) == 2


def test_another_phone_with_consent_is_not_replaced(who: IdentityWorld) -> None:
    who.send(said("Subscribed", email=ANN, phone=PHONE))
    who.send(said("Subscribed", email=ANN, phone=OTHER_PHONE))
    assert who.identifiers(ANN) == {"email": ANN, "phone_number": PHONE}
    assert subscribed(who, ANN) == (True, True)
    assert subscribed(who, OTHER_PHONE) == (False, True)


def test_with_one_identifier_a_person_no_phone_is_put_on_a_profile(who: IdentityWorld) -> None:
    who.send(said("Subscribed", connection="alone", email=ANN, phone=PHONE))
    assert who.identifiers(ANN) == {"email": ANN}
    assert (subscribed(who, ANN), subscribed(who, PHONE)) == ((True, False), (False, True))


def test_whose_phone_is_known_costs_no_look_up(who: IdentityWorld) -> None:
    told = [
        identify("u-1", "lists", email=ANN, phone=PHONE),
        identify("u-1", "lists", email=ANN, phone=PHONE, title="Dr"),
    ]
    who.carry(False, *told)
    list_id = who.klaviyo.make_list("News", opt_in_process="single_opt_in")
    before = len(requests(who, "/api/profile"))
    who.send(said("Subscribed", list_id, email=ANN, phone=PHONE))
    assert [request["path"].rstrip("/") for request in requests(who, "/api/profile")[before:]] == [SUBSCRIBE]
    assert subscribed(who, ANN) == (True, True)


def test_who_leaves_a_list_by_both_channels_is_unsubscribed_from_no_other(who: IdentityWorld) -> None:
    lists = {name: who.klaviyo.make_list(name, opt_in_process="single_opt_in") for name in ("News", "Other")}
    who.send(*(said("Subscribed", list_id, email=ANN, phone=PHONE) for list_id in lists.values()))
    who.send(said("Unsubscribed", lists["News"], email=ANN, phone=PHONE))
    assert (who.members("News"), who.members("Other")) == (set(), {ANN})
    assert who.klaviyo.traps() == []
    assert subscribed(who, ANN) == (True, True)


def test_who_leaves_everything_does_so_by_one_address_a_row(who: IdentityWorld) -> None:
    who.put(email=MUM, phone_number=PHONE)
    who.send(said("Subscribed", email=KID), said("Subscribed", email=MUM))
    who.send(said("Unsubscribed", email=KID, phone=PHONE))
    assert (subscribed(who, KID), subscribed(who, MUM)) == ((False, False), (True, False))
    assert who.identifiers(MUM) == {"email": MUM, "phone_number": PHONE}
    assert all(len({"email", "phone_number"} & row.keys()) == 1 for row in asked(who, UNSUBSCRIBE))
