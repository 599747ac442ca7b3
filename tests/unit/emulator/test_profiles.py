from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from emulator.filters import Clause
from emulator.profiles import ClashError, Profile, Profiles, UnknownProfileError
from tests.support.emulator_api import row

NOW = 1_800_000_000.0


@pytest.fixture
def people() -> Profiles:
    return Profiles()


def import_row(people: Profiles, profile: dict[str, Any]) -> Profile:
    return people.upsert(profile, NOW, clear_nulls=False)[0]


def patched(people: Profiles, orders: dict[str, Any], **properties: object) -> dict[str, Any]:
    import_row(people, row(email="a@example.com", properties=properties))
    profile = {**row(email="a@example.com"), "meta": {"patch_properties": orders}}
    return import_row(people, profile).properties


@pytest.mark.parametrize("identifier", [{"phone_number": "+15005550006"}, {"external_id": "7"}, {"_kx": "k"}])
def test_a_person_is_found_again_by_each_identifier(people: Profiles, identifier: dict[str, str]) -> None:
    first = import_row(people, row(email="a@example.com", **identifier))
    assert import_row(people, row(**identifier, first_name="Ada")) is first
    assert first.attributes["first_name"] == "Ada"


def test_addresses_are_one_person_whatever_their_case(people: Profiles) -> None:
    first = import_row(people, row(email="Ada@Example.com"))
    assert import_row(people, row(email="ada@example.COM")) is first
    assert people.find("email", "ADA@EXAMPLE.COM") is first


def test_an_id_goes_before_the_identifiers_and_changes_them(people: Profiles) -> None:
    ada = import_row(people, row(email="a@example.com"))
    assert import_row(people, {**row(email="new@example.com"), "id": ada.id}) is ada
    assert people.find("email", "a@example.com") is None
    assert people.find("email", "new@example.com") is ada


def test_an_unknown_id_writes_nothing(people: Profiles) -> None:
    with pytest.raises(UnknownProfileError):
        import_row(people, {**row(email="a@example.com"), "id": "01X"})
    assert people.by_id == {}


def test_identifiers_of_two_people_clash_and_write_nothing(people: Profiles) -> None:
    ada = import_row(people, row(email="a@example.com", first_name="Ada"))
    bob = import_row(people, row(external_id="bob"))
    with pytest.raises(ClashError) as clash:
        import_row(people, row(email="a@example.com", external_id="bob", first_name="X"))
    assert (clash.value.field, clash.value.owner_id) == ("email", ada.id)
    assert ada.attributes == {"email": "a@example.com", "first_name": "Ada"}
    assert bob.attributes == {"external_id": "bob"}


def test_an_import_ignores_null_everywhere(people: Profiles) -> None:
    import_row(people, row(email="a@example.com", title="Dr", location={"city": "Oslo"}, properties={"n": 1}))
    nulls = row(email="a@example.com", title=None, location={"city": None}, properties={"n": None})
    person = import_row(people, nulls)
    assert (person.attributes["title"], person.location, person.properties) == ("Dr", {"city": "Oslo"}, {"n": 1})


def test_a_single_write_clears_what_is_null_and_keeps_what_is_omitted(people: Profiles) -> None:
    full = {"title": "Dr", "image": "i", "location": {"city": "Oslo", "zip": "1"}, "properties": {"n": 1, "m": 2}}
    import_row(people, row(email="a@example.com", **full))
    nulls = row(email="a@example.com", title=None, location={"city": None}, properties={"n": None})
    person, created = people.upsert(nulls, NOW, clear_nulls=True)
    assert not created
    assert person.attributes == {"email": "a@example.com", "image": "i"}
    assert (person.location, person.properties) == ({"zip": "1"}, {"m": 2})


def test_null_for_the_whole_location_clears_it_in_a_single_write(people: Profiles) -> None:
    import_row(people, row(email="a@example.com", location={"city": "Oslo"}))
    person, _ = people.upsert(row(email="a@example.com", location=None), NOW, clear_nulls=True)
    assert person.location == {}


def test_a_cleared_identifier_no_longer_finds_the_person(people: Profiles) -> None:
    import_row(people, row(email="a@example.com", external_id="7"))
    people.upsert(row(email="a@example.com", external_id=None), NOW, clear_nulls=True)
    assert people.find("external_id", "7") is None


def test_properties_merge_key_by_key_and_nested_values_are_replaced(people: Profiles) -> None:
    import_row(people, row(email="a@example.com", properties={"keep": 1, "nest": {"a": 1, "b": 2}}))
    person = import_row(people, row(email="a@example.com", properties={"nest": {"a": 9}}))
    assert person.properties == {"keep": 1, "nest": {"a": 9}}


@pytest.mark.parametrize(
    ("orders", "expected"),
    [
        ({"append": {"tags": "c"}}, ["a", "b", "c"]),
        ({"append": {"tags": ["c", "d"]}}, ["a", "b", "c", "d"]),
        ({"unappend": {"tags": "a"}}, ["b"]),
        ({"unappend": {"tags": ["a", "b", "z"]}}, []),
        ({"append": {"tags": "z"}, "unappend": {"tags": "z"}}, ["a", "b"]),
        ({"append": None, "unappend": None, "unset": None}, ["a", "b"]),
    ],
)
def test_patch_orders_change_arrays(people: Profiles, orders: dict[str, Any], expected: list[str]) -> None:
    assert patched(people, orders, tags=["a", "b"]) == {"tags": expected}


def test_append_makes_an_array_of_what_was_none(people: Profiles) -> None:
    assert patched(people, {"append": {"one": 2, "new": 3}}, one=1) == {"one": [1, 2], "new": [3]}


def test_unappend_of_an_unknown_property_makes_none(people: Profiles) -> None:
    assert patched(people, {"unappend": {"tags": "a"}}, other=1) == {"other": 1}


@pytest.mark.parametrize("unset", ["a", ["a"], ["a", "z"]])
def test_unset_removes_keys(people: Profiles, unset: object) -> None:
    assert patched(people, {"unset": unset}, a=1, b=2) == {"b": 2}


def test_create_refuses_a_taken_identifier_and_names_its_owner(people: Profiles) -> None:
    ada = people.create(row(email="a@example.com"), NOW)
    with pytest.raises(ClashError) as clash:
        people.create(row(email="A@example.com", external_id="7"), NOW)
    assert clash.value.owner_id == ada.id
    assert len(people.by_id) == 1


def test_ids_have_26_characters_and_sort_by_creation_even_if_the_clock_steps_back(people: Profiles) -> None:
    made = [people.create(row(external_id=str(n)), NOW - 60 * n).id for n in range(20)]
    assert made == sorted(made)
    assert {len(profile_id) for profile_id in made} == {26}


def test_a_selection_needs_every_clause_and_comes_in_the_order_of_the_ids(people: Profiles) -> None:
    ada = import_row(people, row(email="a@example.com", external_id="1"))
    bob = import_row(people, row(email="b@example.com"))
    any_of = Clause("any", "email", ("B@example.com", "a@example.com", "a@example.com", "no@example.com"))
    assert people.select([any_of]) == [ada, bob]
    assert people.select([any_of, Clause("equals", "external_id", ("1",))]) == [ada]
    assert people.select([Clause("less-than", "created", (datetime(2020, 1, 1, tzinfo=UTC),))]) == []
    assert people.select([]) == [ada, bob]
