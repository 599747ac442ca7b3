"""A value that two addresses share: both people arrive, and the value stays with the one who had it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.identity_messages import BATCHES, VIPS, Posted, add, entered, identify, member, remove, update
from tests.support.identity_world import IdentityWorld

WORK, HOME, MUM, KID = "work@example.com", "home@example.com", "mum@example.com", "kid@example.com"
ID, PHONE = "c-77", "+14155552671"


def only(field: str, email: str, value: str) -> dict[str, dict[str, str]]:
    """Both addresses with their identifiers; one of them alone has this value."""
    return {each: {"email": each, **({field: value} if each == email else {})} for each in (WORK, HOME)}


def both(who: IdentityWorld) -> dict[str, dict[str, str]]:
    """The same, as Klaviyo has it."""
    return {each: who.identifiers(each) for each in (WORK, HOME)}


def test_within_one_import_the_newer_address_gets_a_free_id(who: IdentityWorld) -> None:
    who.send(add(WORK, ID, plan="gold"), add(HOME, ID, city="Oslo"))
    assert who.members() == {WORK, HOME}
    assert both(who) == only("external_id", HOME, ID)
    assert (who.attributes(WORK), who.attributes(HOME)) == ({"plan": "gold"}, {"city": "Oslo"})
    assert who.counts() == {"accepted": 2, "delivered": 2}
    assert who.warned()["identifier_taken"] == 1


def test_an_id_that_a_profile_has_stays_there(who: IdentityWorld) -> None:
    who.carry(False, add(WORK, ID, plan="gold"), add(HOME, ID, city="Oslo"))
    assert who.members() == {WORK, HOME}
    assert both(who) == only("external_id", WORK, ID)
    assert (who.attributes(WORK), who.attributes(HOME)) == ({"plan": "gold"}, {"city": "Oslo"})
    assert who.warned()["identifier_taken"] == 1


def test_it_stays_there_also_when_both_come_again_in_one_import(who: IdentityWorld) -> None:
    who.carry(False, add(WORK, ID), add(HOME, ID))
    who.send(update(WORK, ID, plan="gold"), update(HOME, ID, plan="silver"))
    assert both(who) == only("external_id", WORK, ID)
    assert (who.attributes(WORK), who.attributes(HOME)) == ({"plan": "gold"}, {"plan": "silver"})


@BATCHES
def test_ids_that_differ_in_case_are_two_ids(who: IdentityWorld, together: bool) -> None:
    who.carry(together, add(WORK, "Abc"), add(HOME, "aBC"), update(external_id="aBC", plan="gold"))
    assert both(who) == {
        WORK: {"email": WORK, "external_id": "Abc"},
        HOME: {"email": HOME, "external_id": "aBC"},
    }
    assert (who.attributes(WORK), who.attributes(HOME)) == ({}, {"plan": "gold"})
    assert who.warned() == {}


@BATCHES
@pytest.mark.parametrize("news", [update, add])
def test_an_id_that_stands_for_two_addresses_says_not_whose_the_news_is(
    who: IdentityWorld, together: bool, news: Callable[..., Posted]
) -> None:
    who.carry(together, add(WORK, ID), add(HOME, ID), news(external_id=ID, plan="gold"))
    assert who.reasons() == {"ambiguous_person": 1}
    assert who.members() == {WORK, HOME}
    assert (who.attributes(WORK), who.attributes(HOME)) == ({}, {})


@BATCHES
def test_a_removal_by_an_id_alone_takes_off_every_address_delivered_under_it(
    who: IdentityWorld, together: bool
) -> None:
    who.carry(together, add(WORK, ID), add(HOME, ID), add(MUM, "c-78"))
    who.send(remove(external_id=ID))
    assert who.members() == {MUM}


@BATCHES
def test_a_removal_of_one_address_leaves_the_other_on_the_list(who: IdentityWorld, together: bool) -> None:
    who.carry(together, add(WORK, ID), add(HOME, ID))
    who.send(remove(WORK))
    assert who.members() == {HOME}


@BATCHES
@pytest.mark.parametrize(("hers", "his"), [(PHONE, PHONE), (PHONE, "+1 (415) 555-2671"), ("+1 415 555 2671", PHONE)])
def test_a_couple_with_one_phone_are_two_members(who: IdentityWorld, together: bool, hers: str, his: str) -> None:
    who.carry(together, add(WORK, phone=hers, first_name="Wife"), add(HOME, phone=his, first_name="Husband"))
    assert who.members() == {WORK, HOME}
    assert (who.attributes(WORK), who.attributes(HOME)) == ({"first_name": "Wife"}, {"first_name": "Husband"})
    assert len(who.has("phone_number", PHONE)) <= 1
    assert who.counts() == {"accepted": 2, "delivered": 2}
    assert who.warned()["identifier_taken"] == 1


@BATCHES
def test_mparticles_couple_is_two_members_too(who: IdentityWorld, together: bool) -> None:
    who.carry(together, member(WORK, "1", phone=PHONE, age=40), member(HOME, "2", phone=PHONE, age=42))
    assert who.members() == {WORK, HOME}
    assert (who.attributes(WORK), who.attributes(HOME)) == ({"age": 40}, {"age": 42})
    assert len(who.has("phone_number", PHONE)) <= 1


@pytest.mark.parametrize("known", ["delivered", "known to Klaviyo alone"])
def test_a_child_with_the_phone_of_a_mother_is_somebody_else(who: IdentityWorld, known: str) -> None:
    if known == "delivered":
        who.send(add(MUM, phone=PHONE, first_name="Mum"))
    else:
        who.put(VIPS, email=MUM, phone_number=PHONE, first_name="Mum")
    who.klaviyo.post("/api/profile-subscription-bulk-create-jobs", subscription(MUM))
    who.send(add(KID, phone=PHONE, first_name="Kid"))
    assert who.members() == {MUM, KID}
    assert who.identifiers(MUM) == {"email": MUM, "phone_number": PHONE}
    assert who.identifiers(KID) == {"email": KID}
    assert (who.attributes(MUM), who.attributes(KID)) == ({"first_name": "Mum"}, {"first_name": "Kid"})
    assert (who.klaviyo.consent(MUM), who.klaviyo.consent(KID)) == ("SUBSCRIBED", "NEVER_SUBSCRIBED")
    assert who.warned()["identifier_taken"] == 1


def subscription(email: str) -> dict[str, object]:
    """A subscription to no list."""
    row = {"email": email, "subscriptions": {"email": {"marketing": {"consent": "SUBSCRIBED"}}}}
    profiles = {"data": [{"type": "profile", "attributes": row}]}
    return {"data": {"type": "profile-subscription-bulk-create-job", "attributes": {"profiles": profiles}}}


@pytest.mark.parametrize("source", ["changes", "segment"])
@pytest.mark.parametrize("owner", [{"email": "owner@example.com"}, {}])
def test_an_address_known_to_klaviyo_with_the_phone_of_somebody_else_there(
    who: IdentityWorld, source: str, owner: dict[str, str]
) -> None:
    own = who.put(email=WORK, first_name="Ann")
    other = who.put(phone_number=PHONE, first_name="Owner", **owner)
    who.send(add(WORK, phone=PHONE) if source == "changes" else identify("u1", email=WORK, phone=PHONE))
    assert who.members() == ({WORK} if source == "changes" else set())
    assert {own: who.identifiers(own), other: who.identifiers(other)} == {
        own: {"email": WORK} | ({"external_id": "u1"} if source == "segment" else {}),
        other: {"phone_number": PHONE, **owner},
    }
    assert (who.attributes(own), who.attributes(other)) == ({"first_name": "Ann"}, {"first_name": "Owner"})
    assert (who.reasons(), who.warned()["identifier_taken"]) == ({}, 1)


def test_an_address_known_to_klaviyo_with_the_id_of_somebody_else_there(who: IdentityWorld) -> None:
    who.put(email=WORK, first_name="Ann")
    who.put(email="owner@example.com", external_id=ID, first_name="Owner")
    who.send(add(WORK, ID))
    assert who.members() == {WORK}
    assert who.identifiers(WORK) == {"email": WORK}
    assert who.identifiers("owner@example.com") == {"email": "owner@example.com", "external_id": ID}
    assert (who.reasons(), who.warned()["identifier_taken"]) == ({}, 1)


def test_an_address_whose_profile_has_another_id_keeps_that(who: IdentityWorld) -> None:
    who.put(email=WORK, external_id="crm-1")
    who.send(add(WORK, ID, plan="gold"))
    assert who.members() == {WORK}
    assert who.identifiers(WORK) == {"email": WORK, "external_id": "crm-1"}
    assert who.attributes(WORK) == {"plan": "gold"}


@pytest.mark.parametrize("source", ["changes", "mparticle", "segment"])
def test_a_customers_new_address_that_another_profile_owns_joins_and_the_clash_is_named(
    who: IdentityWorld, source: str
) -> None:
    new = who.put(email=HOME, external_id="crm-1", first_name="Home")
    before, after = {
        "changes": (add(WORK, ID), add(HOME, ID)),
        "mparticle": (member(WORK, "7", customer=ID), member(HOME, "7", customer=ID)),
        "segment": (entered(ID, WORK, "ids"), entered(ID, HOME, "ids")),
    }[source]
    who.carry(False, before, after)
    assert who.members() == ({WORK, HOME} if source == "changes" else {HOME}), "mpids and user ids move"
    assert who.identifiers(WORK) == {"email": WORK, "external_id": ID}
    assert who.identifiers(new) == {"email": HOME, "external_id": "crm-1"}
    assert who.attributes(new) == {"first_name": "Home"}
    assert (who.reasons(), who.warned()["identifier_taken"]) == ({}, 1)


@BATCHES
def test_a_value_of_more_than_three_current_addresses_identifies_nobody(who: IdentityWorld, together: bool) -> None:
    people = [f"p{number}@example.com" for number in range(5)]
    who.carry(together, *(add(email, "store-12", tag=email) for email in people))
    assert who.members() == set(people)
    assert {email: who.attributes(email) for email in people} == {email: {"tag": email} for email in people}
    assert len(who.has("external_id", "store-12")) <= 1
    who.send(add(MUM, "store-12", tag=MUM), update(external_id="store-12", tag="nobody's"))
    assert who.identifiers(MUM) == {"email": MUM}
    assert {email: who.attributes(email) for email in people} == {email: {"tag": email} for email in people}
    assert len(who.letters()) == 1
    assert who.warned()["identifier_shared"] >= 1


def test_one_persons_many_addresses_one_after_the_other_are_no_shared_value(who: IdentityWorld) -> None:
    people = [f"p{number}@example.com" for number in range(6)]
    who.carry(False, *(member(email, "7", customer=ID) for email in people))
    assert who.members() == {people[-1]}
    assert who.warned()["identifier_shared"] == 0
