"""One user of Segment's is one profile, with the default settings and whatever is delivered first."""

from __future__ import annotations

import pytest

from tests.support.emulator_api import EVENTS
from tests.support.identity_messages import BATCHES, Posted, add, entered, identify, segment, update
from tests.support.identity_world import IdentityWorld

ANN, BOB, PHONE = "ann@example.com", "bob@example.com", "+14155552671"
#: What Klaviyo knows of Ann before.
BEFORE = pytest.mark.parametrize("before", [{}, {"email": ANN}, {"email": ANN, "external_id": "crm-9"}])
CONNECTIONS = pytest.mark.parametrize("connection", ["default", "alone", "keeping"])


def played(user: str = "u2", connection: str = "default", event: str = "Played", **more: str) -> Posted:
    """What a user did, without a word of who the user is."""
    return segment("track", connection, userId=user, event=event, **more)


def knowing(who: IdentityWorld, attributes: dict[str, str]) -> None:
    if attributes:
        who.put(**attributes)


@BEFORE
@CONNECTIONS
@pytest.mark.parametrize("first", ["identify", "track"])
def test_an_event_goes_to_the_address_with_which_its_user_waits(
    who: IdentityWorld, first: str, connection: str, before: dict[str, str]
) -> None:
    knowing(who, before)
    messages = [identify("u2", connection, email=ANN), played(connection=connection)]
    who.post(*(messages if first == "identify" else reversed(messages)))
    who.deliver("event")
    assert who.events() == [("Played", ANN)]
    who.settle()
    assert who.identifiers(ANN) == ({"external_id": "u2"} if connection != "alone" else {}) | {"email": ANN} | before
    assert (len(who.everybody()), len(who.letters())) == (1, 0)


@BEFORE
@CONNECTIONS
def test_an_event_goes_to_the_profile_of_a_user_who_was_delivered(
    who: IdentityWorld, connection: str, before: dict[str, str]
) -> None:
    knowing(who, before)
    who.post(identify("u2", connection, email=ANN), played(connection=connection))
    who.deliver("profile")
    who.deliver("event")
    who.send(played(connection=connection, event="Played again"))
    assert who.events() == [("Played", ANN), ("Played again", ANN)]
    assert (len(who.everybody()), len(who.letters())) == (1, 0)


@BEFORE
@BATCHES
@pytest.mark.parametrize("first", ["entered", "track"])
def test_a_member_of_an_audience_is_the_same_profile_too(
    who: IdentityWorld, together: bool, first: str, before: dict[str, str]
) -> None:
    knowing(who, before)
    messages = [entered("u2", ANN), played()]
    who.post(*(messages if first == "entered" else reversed(messages)))
    who.deliver("audience" if together else "event")
    who.settle()
    assert who.members() == {ANN}
    assert set(who.events()) == {("Played", ANN), ("Audience Entered", ANN)}
    assert len(who.everybody()) == 1


@pytest.mark.parametrize("connection", ["default", "keeping", "trusting"])
def test_a_profile_that_an_event_made_becomes_that_of_the_new_address(who: IdentityWorld, connection: str) -> None:
    who.send(played(connection=connection))
    assert [person["external_id"] for person in who.everybody()] == ["u2"]
    who.send(identify("u2", connection, email=ANN))
    who.send(played(connection=connection, event="Played again"))
    assert who.events() == [("Played", ANN), ("Played again", ANN)]
    assert len(who.everybody()) == 1


def test_a_profile_that_an_event_made_before_anybody_said_who_it_is_stays_beside_a_known_address(
    who: IdentityWorld,
) -> None:
    who.put(email=ANN, first_name="Ann")
    who.send(played())
    who.send(identify("u2", email=ANN))
    who.send(played(event="Played again"))
    assert [metric for metric, whose in who.events() if whose == ANN] == ["Played again"]
    assert who.identifiers(ANN) == {"email": ANN}
    assert who.warned() == {"identifier_taken": 1}
    assert len(who.everybody()) == 2


@pytest.mark.parametrize("waits", [True, False])
def test_an_event_of_a_user_whose_id_a_stranger_has_at_klaviyo_is_not_the_strangers(
    who: IdentityWorld, waits: bool
) -> None:
    who.put(email=BOB, external_id="u2")
    who.post(identify("u2", email=ANN), played())
    who.deliver("event" if waits else "profile")
    who.settle()
    assert who.events() == [("Played", ANN)]
    assert who.identifiers(BOB) == {"email": BOB, "external_id": "u2"}
    assert who.identifiers(ANN) == {"email": ANN}


def test_an_event_finds_its_user_while_the_user_is_on_the_way(who: IdentityWorld) -> None:
    who.put(email=ANN)
    who.post(identify("u2", email=ANN))
    (batch_id,) = who.take()
    who.post(played())
    who.deliver("event")
    assert who.open("profile") == [batch_id]
    who.settle()
    assert who.events() == [("Played", ANN)]
    assert len(who.everybody()) == 1


@BATCHES
def test_an_event_goes_to_the_newest_address_of_its_user(who: IdentityWorld, together: bool) -> None:
    who.carry(together, identify("u2", email=BOB), identify("u2", email=ANN))
    who.send(played())
    assert who.events() == [("Played", ANN)]
    assert len(who.everybody()) == 2


@pytest.mark.parametrize("waits", [True, False])
def test_an_event_of_a_user_with_two_addresses_is_nobodys_where_both_are_kept(who: IdentityWorld, waits: bool) -> None:
    who.post(identify("u2", "keeping", email=ANN), identify("u2", "keeping", email=BOB))
    who.post(played(connection="keeping"))
    who.deliver("event" if waits else "profile")
    who.settle()
    assert who.events() == []
    assert who.reasons() == {"ambiguous_person": 1}


def test_an_event_of_a_user_who_is_known_by_the_id_alone_goes_by_it(who: IdentityWorld) -> None:
    who.send(identify("u2", plan="gold"), played())
    who.send(played(event="Played again"))
    assert len(who.everybody()) == 1
    assert len(who.events()) == 2
    who.send(identify("u2", email=ANN))
    assert who.events() == [("Played", ANN), ("Played again", ANN)]
    assert len(who.everybody()) == 1


def test_an_event_is_not_lost_with_the_profile_that_its_user_had(who: IdentityWorld) -> None:
    profile_id = who.put(email=ANN, external_id="crm-9")
    who.send(identify("u2", email=ANN))
    who.account.profiles.delete(who.account.profiles.by_id[profile_id])
    who.send(played())
    assert [metric for metric, _ in who.events()] == ["Played"]


def test_an_event_does_not_follow_a_profile_to_another_address(who: IdentityWorld) -> None:
    profile_id = who.put(email=ANN, external_id="crm-9")
    who.send(identify("u2", email=ANN))
    row = {"id": profile_id, "attributes": {"email": BOB}}
    who.account.profiles.upsert(row, who.account.now(), clear_nulls=False)
    who.send(played())
    ((_, whose),) = who.events()
    assert whose != BOB


def test_an_event_without_an_answer_is_told_again_to_the_same_profile(who: IdentityWorld) -> None:
    who.put(email=ANN)
    who.post(played())
    who.klaviyo.control("faults", {"fault": "lost_response", "match": {"path": EVENTS}})
    who.take()
    who.push()
    who.post(identify("u2", email=ANN))
    who.settle()
    assert len(who.events()) == 1


def test_an_event_of_no_value_that_identifies_somebody_is_a_dead_letter(who: IdentityWorld) -> None:
    who.send(played("0"), played("null", anonymousId="0"), played("N/A", anonymousId="d-1"))
    assert who.reasons() == {"identifier_blocked": 2}
    assert len(who.events()) == 1
    assert [person["anonymous_id"] for person in who.everybody()] == ["d-1"]


def test_an_event_of_a_value_that_many_share_is_a_dead_letter(who: IdentityWorld) -> None:
    who.send(*(add(f"p{number}@example.com", "till-7") for number in range(5)))
    who.send(played("till-7"))
    assert who.events() == []
    assert who.reasons() == {"identifier_shared": 1}
    who.send(played("till-7", anonymousId="d-1"))
    assert len(who.events()) == 1
    assert who.warned()["identifier_shared"] == 1


@BATCHES
def test_with_the_default_settings_a_user_told_of_without_the_address_is_the_same_person(
    who: IdentityWorld, together: bool
) -> None:
    who.carry(together, identify("u1", email=ANN, firstName="Ann", phone=PHONE), identify("u1", title="Dr"))
    assert who.identifiers(ANN) == {"email": ANN, "external_id": "u1", "phone_number": PHONE}
    assert who.attributes(ANN) == {"first_name": "Ann", "title": "Dr"}
    assert len(who.everybody()) == 1


def test_what_is_told_of_a_user_without_the_address_goes_to_the_newest_one(who: IdentityWorld) -> None:
    who.carry(False, identify("u2", email=BOB), identify("u2", email=ANN), identify("u2", title="Dr"))
    assert (who.attributes(ANN), who.attributes(BOB)) == ({"title": "Dr"}, {})
    assert len(who.everybody()) == 2


@BEFORE
def test_what_is_told_of_a_user_without_the_address_goes_to_the_profile_that_klaviyo_had(
    who: IdentityWorld, before: dict[str, str]
) -> None:
    knowing(who, before)
    who.carry(False, identify("u2", email=ANN), identify("u2", title="Dr"))
    assert who.attributes(ANN) == {"title": "Dr"}
    assert len(who.everybody()) == 1


@pytest.mark.parametrize("connection", ["default", "keeping"])
def test_somebody_known_by_the_id_alone_is_not_another_person_beside_the_address(
    who: IdentityWorld, connection: str
) -> None:
    who.send(identify("u2", connection, title="Dr"))
    who.send(identify("u2", connection, email=ANN), identify("u2", connection, firstName="Ann"))
    who.send(identify("u2", connection, lastName="Lee"))
    assert who.reasons() == {}
    assert who.attributes(ANN) == {"title": "Dr", "first_name": "Ann", "last_name": "Lee"}
    assert len(who.everybody()) == 1


def test_a_member_by_the_id_alone_is_not_another_person_beside_the_address(who: IdentityWorld) -> None:
    who.send(add(external_id="c-2"))
    who.send(add(ANN, "c-2"), add(external_id="c-2", plan="gold"))
    who.send(add(external_id="c-2", city="Oslo"))
    assert who.reasons() == {}
    assert who.members() == {ANN}
    assert who.attributes(ANN) == {"plan": "gold", "city": "Oslo"}


def test_what_is_told_of_a_member_by_an_id_that_a_nameless_profile_has_goes_to_the_address(who: IdentityWorld) -> None:
    who.put(email=ANN, external_id="crm-9")
    who.carry(False, add(external_id="c-2"), add(ANN, "c-2"), update(external_id="c-2", plan="gold"))
    assert who.attributes(ANN) == {"plan": "gold"}
    assert who.identifiers(ANN) == {"email": ANN, "external_id": "crm-9"}


def test_what_is_told_of_a_user_whose_profile_is_gone_is_no_dead_letter(who: IdentityWorld) -> None:
    profile_id = who.put(email=ANN, external_id="crm-9")
    who.send(identify("u2", email=ANN))
    who.account.profiles.delete(who.account.profiles.by_id[profile_id])
    who.send(identify("u2", title="Dr"))
    assert who.reasons() == {}
    assert [person["title"] for person in who.everybody()] == ["Dr"]


def test_an_event_of_somebody_who_left_the_audience_is_still_theirs(who: IdentityWorld) -> None:
    who.put(email=ANN)
    who.put(email=BOB, external_id="u2")
    who.carry(False, entered("u2", ANN), entered("u2", ANN, exited=True), played())
    assert ("Played", ANN) in who.events()
    assert who.members() == set()
