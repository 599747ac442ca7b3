"""From Segment's POST to the lists at Klaviyo: who entered is on them, who left is not, and nobody else is touched."""

from __future__ import annotations

from typing import Any

import pytest

from emulator import paging, resource_members, resource_profiles
from emulator.query import Query
from tests.support.segment_world import PROFILES, SegmentWorld

Person = dict[str, Any]
STAYS = {"email": "stays@example.com"}


def entered(list_id: str, *people: Person, event: str = "Audience Entered") -> list[dict[str, Any]]:
    """A message about each person, by e-mail, by `userId`, or both. The list is the one that Engage names."""
    return [
        {
            "type": "track",
            "event": event,
            "context": {"personas": {"external_audience_id": list_id}, "traits": {"email": person.get("email")}},
            **{name: value for name, value in person.items() if name != "email"},
        }
        for person in people
    ]


def exited(list_id: str, *people: Person) -> list[dict[str, Any]]:
    return entered(list_id, *people, event="Audience Exited")


def identify(**traits: Any) -> dict[str, Any]:
    return {"type": "identify", "traits": traits}


@pytest.mark.parametrize("page_size", [20, 100])
def test_everybody_is_removed_however_many_pages_the_look_up_has(
    segment: SegmentWorld, monkeypatch: pytest.MonkeyPatch, page_size: int
) -> None:
    def page(items: Any, position: Any, query: Query) -> paging.Page[Any]:
        return paging.page(items, position, query._replace(size=min(query.size, page_size)))

    for resource in (resource_members, resource_profiles):
        monkeypatch.setattr(resource, "page", page)
    people = [{"email": f"p{n}@example.com"} for n in range(150)] + [{"userId": f"u-{n}"} for n in range(150)]
    list_id = segment.create_list("News")
    segment.send(*entered(list_id, *people, STAYS), connection="own")
    assert len(segment.members("News")) == 301
    segment.send(*exited(list_id, *people), connection="own")
    assert segment.members("News") == {"stays@example.com"}
    assert not segment.letters()


def test_whom_klaviyo_knows_as_two_leaves_under_every_identifier_that_was_told(segment: SegmentWorld) -> None:
    list_id = segment.create_list("News")
    segment.send(*entered(list_id, {"email": "ann@example.com"}), connection="own")
    segment.send(*entered(list_id, {"userId": "u-1"}, STAYS), connection="own")
    assert len(segment.members("News")) == 3
    segment.send(*exited(list_id, {"email": "ann@example.com", "userId": "u-1"}, {"userId": "u-1"}), connection="own")
    assert segment.members("News") == {"stays@example.com"}


def test_addresses_and_ids_with_signs_of_urls_and_filters_are_found(segment: SegmentWorld) -> None:
    odd = [{"email": "ann+news@example.com"}, {"email": "a&b#c%2B=d@example.com"}, {"userId": 'u&#"+\\%22],1'}]
    list_id = segment.create_list("News")
    segment.send(*entered(list_id, *odd, STAYS), connection="own")
    assert len(segment.members("News")) == 4
    segment.send(*exited(list_id, *odd), connection="own")
    assert segment.members("News") == {"stays@example.com"}
    assert not segment.letters()


def test_who_leaves_while_the_import_is_under_way_ends_as_removed(segment: SegmentWorld) -> None:
    list_id = segment.create_list("News")
    ann = {"email": "ann@example.com"}
    segment.control("jobs", seconds=3_600)
    segment.post(*entered(list_id, ann), connection="own")
    (batch_id,) = segment.take_all()
    segment.ring(batch_id)
    segment.post(*exited(list_id, ann), connection="own")
    assert segment.take_all() == [batch_id]
    segment.ring(batch_id)
    assert segment.person("ann@example.com") is None
    segment.control("jobs", seconds=0)
    segment.settle()
    assert segment.person("ann@example.com") is not None
    assert segment.members("News") == set()


def test_who_enters_and_leaves_before_the_upload_is_not_even_created(segment: SegmentWorld) -> None:
    list_id = segment.create_list("News")
    ann = {"email": "ann@example.com"}
    segment.send(*entered(list_id, ann, STAYS), *exited(list_id, ann), connection="own")
    assert segment.members("News") == {"stays@example.com"}
    assert segment.person("ann@example.com") is None


def test_whom_an_accepted_import_could_not_take_is_a_dead_letter_with_klaviyos_reason(segment: SegmentWorld) -> None:
    segment.send(identify(email="fail+invalid_domain@example.com"), identify(email="ann@example.com"))
    assert segment.person("ann@example.com") is not None
    (letter,) = segment.letters()
    assert letter.reason == "invalid_domain"
    assert letter.detail["detail"] == "The row was refused because its address asks for it."


def test_whom_klaviyo_knows_already_joins_the_list_and_is_updated(segment: SegmentWorld) -> None:
    list_id = segment.create_list("News")
    segment.send(identify(email="ann@example.com", firstName="Ann", lastName="Lee"))
    (message,) = entered(list_id, {"email": "ann@example.com"})
    segment.send({**message, "properties": {"firstName": "Anna"}}, connection="own")
    ann = segment.person("ann@example.com")
    assert ann is not None
    assert (ann["first_name"], ann["last_name"], ann["lists"]) == ("Anna", "Lee", ["News"])


@pytest.mark.parametrize("fault", ["429", "500", "503_html", "reset", "lost_response"])
def test_who_enters_while_klaviyo_has_trouble_is_on_the_list_once_it_is_over(segment: SegmentWorld, fault: str) -> None:
    list_id = segment.create_list("News")
    segment.fault(fault, "/api/profile-bulk-import-jobs")
    segment.send(*entered(list_id, STAYS), connection="own")
    assert segment.members("News") == {"stays@example.com"}
    assert not segment.letters()


def test_everybody_of_a_batch_joins_the_list_of_their_own_message(segment: SegmentWorld) -> None:
    lists = {name: segment.create_list(name) for name in ("News", "Offers", "Events")}
    told = [
        {**identify(email=f"{name}@example.com"), "integrations": {"Klaviyo": {"listId": list_id}}}
        for name, list_id in lists.items()
    ]
    segment.send(identify(email="none@example.com"), *told)
    assert {name: segment.members(name) for name in lists} == {name: {f"{name.lower()}@example.com"} for name in lists}
    none = segment.person("none@example.com")
    assert none is not None
    assert none["lists"] == []


def test_remove_profile_acts_on_an_identify_that_names_its_list(segment: SegmentWorld) -> None:
    list_id = segment.create_list("News")
    segment.send(*entered(list_id, {"email": "ann@example.com"}, STAYS), connection="own")
    segment.send(identify(email="ann@example.com", left=list_id), connection="own")
    assert segment.members("News") == {"stays@example.com"}


def test_a_wrong_phone_costs_the_person_the_phone_only(segment: SegmentWorld) -> None:
    segment.send(
        identify(email="ann@example.com", phone="701271"), identify(email="bob@example.com", phone="+1 (415) 555-2671")
    )
    ann, bob = segment.person("ann@example.com"), segment.person("bob@example.com")
    assert ann is not None
    assert bob is not None
    assert ("phone_number" in ann, bob["phone_number"]) == (False, "+14155552671")
    assert segment.of(PROFILES).left_out() == {"phone_invalid": 1}


def test_an_empty_text_overwrites_nothing_and_a_null_property_or_member_of_the_address_is_taken_away(
    segment: SegmentWorld,
) -> None:
    address = {"city": "Paris", "state": "Paris", "country": "FR"}
    first = identify(email="ann@example.com", firstName="Ann", address=address)
    then = identify(email="ann@example.com", firstName="", lastName=None, address={"city": "", "country": None})
    segment.send({**first, "properties": {"plan": "free", "seats": 3}})
    segment.send({**then, "properties": {"plan": None}})
    ann = segment.person("ann@example.com")
    assert ann is not None
    assert (ann["first_name"], ann["properties"]) == ("Ann", {"seats": 3})
    assert ann["location"] == {"city": "Paris", "region": "Paris"}
    assert "last_name" not in ann


@pytest.mark.parametrize("address", [None, {}, {"city": None, "country": None}])
def test_who_is_new_or_has_no_address_loses_nothing_by_a_null(segment: SegmentWorld, address: Any) -> None:
    segment.send(identify(email="ann@example.com", firstName="Ann", address=address))
    ann = segment.person("ann@example.com")
    assert ann is not None
    assert (ann["first_name"], ann["location"]) == ("Ann", {})
    assert not segment.letters()


def test_a_null_of_an_older_message_does_not_clear_what_a_newer_one_fills(segment: SegmentWorld) -> None:
    segment.send(identify(email="ann@example.com", address={"city": "Paris"}))
    segment.send(
        identify(email="ann@example.com", address={"city": None}),
        identify(email="ann@example.com", address={"city": "Oslo"}),
    )
    ann = segment.person("ann@example.com")
    assert ann is not None
    assert ann["location"] == {"city": "Oslo"}
