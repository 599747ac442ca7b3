"""What several messages say of one person arrives together, and forgets nothing that was said before."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.identity_messages import BATCHES, Posted, add, identify, remove, segment, update
from tests.support.identity_world import IdentityWorld

ANN, BOB, PHONE = "ann@example.com", "bob@example.com", "+14155552671"


def anonymous(**traits: Any) -> Posted:
    """Of a user with no id but the device's."""
    return segment("identify", anonymousId="d1", traits=traits)


def told(who: str, **traits: Any) -> Posted:
    """The same person in the words of each source."""
    if who == "a device":
        return anonymous(**traits)
    if who == "a user":
        return identify("d1", **traits)
    if who == "a user with an id":
        return identify("d1", "ids", **traits)
    return add(traits.pop("email"), traits.pop("external_id", None), traits.pop("phone", None), **traits)


TELLERS = pytest.mark.parametrize("teller", ["a device", "a user", "a user with an id", "changes"])


@TELLERS
@BATCHES
def test_a_message_that_leaves_the_phone_out_does_not_forget_it(
    who: IdentityWorld, together: bool, teller: str
) -> None:
    who.carry(together, told(teller, email=ANN, phone=PHONE), told(teller, email=ANN, title="Dr"))
    assert who.identifiers(ANN)["phone_number"] == PHONE
    assert who.attributes(ANN) == {"title": "Dr"}
    assert len(who.everybody()) == 1


@TELLERS
@BATCHES
def test_the_newest_value_of_an_attribute_stands_and_the_others_stay(
    who: IdentityWorld, together: bool, teller: str
) -> None:
    company: dict[str, Any] = {"organization": "A"} if teller == "changes" else {"company": {"name": "A"}}
    who.carry(together, told(teller, email=ANN, title="Ms", **company), told(teller, email=ANN, title="Dr"))
    found = {name: who.attributes(ANN)[name] for name in ("title", "organization")}
    assert found == {"title": "Dr", "organization": "A"}


@BATCHES
def test_a_message_with_the_user_id_alone_is_of_the_one_address_of_that_user(
    who: IdentityWorld, together: bool
) -> None:
    who.carry(together, identify("u1", "ids", email=ANN, firstName="Ann"), identify("u1", "ids", plan="gold"))
    assert who.identifiers(ANN) == {"email": ANN, "external_id": "u1"}
    assert who.attributes(ANN) == {"first_name": "Ann", "plan": "gold"}
    assert len(who.everybody()) == 1


@BATCHES
def test_so_it_is_when_the_address_comes_last(who: IdentityWorld, together: bool) -> None:
    who.carry(together, identify("u1", "ids", plan="gold"), identify("u1", "ids", email=ANN, firstName="Ann"))
    assert who.identifiers(ANN) == {"email": ANN, "external_id": "u1"}
    assert who.attributes(ANN) == {"first_name": "Ann", "plan": "gold"}
    assert len(who.everybody()) == 1


@BATCHES
def test_and_when_it_stands_between_two_of_somebody_else(who: IdentityWorld, together: bool) -> None:
    who.carry(
        together,
        identify("u2", "ids", email=BOB, plan="silver"),
        identify("u1", "ids", email=ANN),
        identify("u2", "ids", title="Mr"),
        identify("u1", "ids", plan="gold"),
    )
    assert (who.attributes(ANN), who.attributes(BOB)) == ({"plan": "gold"}, {"plan": "silver", "title": "Mr"})


@pytest.mark.parametrize("second", [add, update])
@BATCHES
def test_a_change_with_an_id_alone_is_of_the_member_with_the_address(
    who: IdentityWorld, together: bool, second: Any
) -> None:
    who.carry(together, add(ANN, "c-2"), second(external_id="c-2", plan="gold", first_name="Ann"))
    assert who.members() == {ANN}
    assert who.identifiers(ANN) == {"email": ANN, "external_id": "c-2"}
    assert who.attributes(ANN) == {"plan": "gold", "first_name": "Ann"}
    assert len(who.everybody()) == 1


@BATCHES
def test_changes_by_the_id_alone_and_by_the_address_alone_keep_their_order(who: IdentityWorld, together: bool) -> None:
    who.send(add(ANN, "c-2", plan="bronze"), add(BOB, "c-3", plan="bronze"))
    who.carry(together, update(external_id="c-2", plan="silver"), add(ANN, plan="gold"))
    who.carry(together, add(BOB, plan="silver"), update(external_id="c-3", plan="gold"))
    assert (who.attributes(ANN), who.attributes(BOB)) == ({"plan": "gold"}, {"plan": "gold"})
    assert len(who.everybody()) == 2


@pytest.mark.parametrize("leaves", [{"email": ANN}, {"external_id": "c-2"}, {"email": ANN, "external_id": "c-2"}])
@BATCHES
def test_somebody_who_comes_back_by_the_id_alone_has_the_address_still(
    who: IdentityWorld, together: bool, leaves: dict[str, str]
) -> None:
    who.carry(together, add(ANN, "c-2", plan="gold"), remove(**leaves), add(external_id="c-2", city="Oslo"))
    assert who.members() == {ANN}
    assert who.identifiers(ANN) == {"email": ANN, "external_id": "c-2"}
    assert who.attributes(ANN)["city"] == "Oslo"
    assert len(who.everybody()) == 1


@BATCHES
def test_an_update_without_the_address_makes_nobody_nameless_a_member(who: IdentityWorld, together: bool) -> None:
    who.carry(together, add(ANN, "c-2", plan="gold"), update(external_id="c-2", plan=None), add(BOB, "c-3"))
    assert who.members() == {ANN, BOB}
    assert who.attributes(ANN) == {}


@BATCHES
def test_somebody_who_comes_back_has_no_attributes_of_the_time_before_beyond_klaviyos(
    who: IdentityWorld, together: bool
) -> None:
    who.carry(together, add(ANN, "c-2", plan="gold"), remove(ANN), add(ANN, "c-2", city="Oslo"))
    assert who.members() == {ANN}
    assert who.attributes(ANN) == ({"city": "Oslo"} if together else {"plan": "gold", "city": "Oslo"})


@pytest.mark.parametrize("first", ["identify", "track"])
@BATCHES
def test_what_a_user_does_is_recorded_of_the_profile_that_identify_makes(
    who: IdentityWorld, together: bool, first: str
) -> None:
    messages = [identify("u2", email=ANN), segment("track", userId="u2", event="Played")]
    who.carry(together, *(messages if first == "identify" else reversed(messages)))
    assert who.events() == [("Played", ANN)]
    assert len(who.everybody()) == 1


def test_two_users_events_are_each_their_own(who: IdentityWorld) -> None:
    who.send(identify("u2", email=ANN), identify("u3", email=BOB))
    who.send(*(segment("track", userId=user, event=f"Played {user}") for user in ("u3", "u2")))
    assert sorted(who.events()) == [("Played u2", ANN), ("Played u3", BOB)]
    assert len(who.everybody()) == 2


def test_an_event_of_nobodys_user_id_makes_no_profile_of_everybody(who: IdentityWorld) -> None:
    who.send(identify("0", email=ANN), identify("0", email=BOB))
    who.send(segment("track", userId="0", event="Played", context={"traits": {"email": ANN}}))
    who.send(segment("track", userId="0", event="Played"))
    assert who.events() == [("Played", ANN)]
    assert {email: who.identifiers(email) for email in (ANN, BOB)} == {ANN: {"email": ANN}, BOB: {"email": BOB}}
    assert (len(who.everybody()), len(who.letters())) == (2, 1)


def test_an_event_that_names_an_address_and_anothers_id_goes_to_the_address(who: IdentityWorld) -> None:
    who.send(identify("u2", email=ANN))
    who.send(segment("track", userId="u2", event="Played", context={"traits": {"email": BOB, "phone": PHONE}}))
    assert who.events() == [("Played", BOB)]
    assert who.identifiers(ANN)["email"] == ANN
    assert who.has("phone_number", PHONE) in ([], [BOB])
