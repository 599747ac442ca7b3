from __future__ import annotations

from typing import Any

import orjson
import pytest

from mappings.errors import Reason, Rejected
from mappings.person import Attribute, Identity, Person
from mappings.sources import merge, read


def _read(**person: Any) -> Person:
    return read("changes", orjson.dumps(person))


def test_a_whole_person_is_read_in_the_order_given() -> None:
    person = _read(
        email="jane@example.com",
        phone="+12125560100",
        external_id="c-1",
        attributes={"first_name": "Jane", "plan": None, "ltv": 12.5, "tags": ["a"], "address": {"x": None}},
    )
    assert person == Person(
        identities=(
            Identity("email", "jane@example.com"),
            Identity("phone", "+12125560100"),
            Identity("external_id", "c-1"),
        ),
        attributes=(
            Attribute("first_name", "Jane"),
            Attribute("plan", deleted=True),
            Attribute("ltv", 12.5),
            Attribute("tags", ["a"]),
            Attribute("address", {"x": None}),
        ),
        klaviyo_names=True,
    )


@pytest.mark.parametrize(
    "person",
    [{}, {"email": None, "phone": None, "external_id": None, "attributes": None}, {"email": "", "attributes": {}}],
)
def test_missing_null_and_empty_all_mean_nobody(person: dict[str, Any]) -> None:
    assert _read(**person) == Person(klaviyo_names=True)


def test_whole_numbers_are_identifiers_too() -> None:
    assert _read(phone=12125560100, external_id=0).identities == (
        Identity("phone", "12125560100"),
        Identity("external_id", "0"),
    )


@pytest.mark.parametrize("name", ["email", "phone", "external_id"])
@pytest.mark.parametrize("value", [True, 1.5, ["x"], {}])
def test_an_identifier_of_another_type_is_rejected_naming_its_field(name: str, value: object) -> None:
    with pytest.raises(Rejected) as caught:
        _read(**{name: value})
    assert (caught.value.reason, caught.value.field) == (Reason.FRAGMENT_UNREADABLE, name)


@pytest.mark.parametrize("attributes", [["a"], "a", 1])
def test_attributes_that_are_no_object_are_rejected(attributes: object) -> None:
    with pytest.raises(Rejected) as caught:
        _read(email="jane@example.com", attributes=attributes)
    assert caught.value.reason is Reason.FRAGMENT_UNREADABLE


def test_a_source_without_a_reader_is_rejected_with_what_to_do() -> None:
    with pytest.raises(Rejected, match="newer version of Ferry") as caught:
        read("amperity", b"{}")
    assert caught.value.reason is Reason.SOURCE_UNKNOWN


def test_merged_people_have_the_newest_identities_and_all_attributes_in_order() -> None:
    older = Person((Identity("email", "old@example.com"),), (Attribute("a", 1), Attribute("b", 1)))
    newer = Person((Identity("email", "new@example.com"),), (Attribute("b", deleted=True),), klaviyo_names=True)
    assert merge([older, newer]) == Person(
        (Identity("email", "new@example.com"),),
        (Attribute("a", 1), Attribute("b", 1), Attribute("b", deleted=True)),
        klaviyo_names=True,
    )


def test_one_person_merged_stays_the_same() -> None:
    person = Person((Identity("email", "jane@example.com"),), (Attribute("a", 1),))
    assert merge([person]) == person
