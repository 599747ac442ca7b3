"""What identifies the person of a stored change, and where more of the person may be stored."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from identity.blocked import Blocked
from identity.identifiers import Named
from identity.tracing import TracedChange, keys_under, read, with_ids
from mappings import sources
from mappings.errors import Rejected
from mappings.rules import Rules
from queues.change import person_key

EMAIL = ("email", "eg@example.com")
PHONE = ("phone", "+14155552671")


def of(
    kind: str,
    source: str,
    fragment: dict[str, Any],
    *keys: tuple[str, str],
    rules: Rules | None = None,
    shared: frozenset[Named] = frozenset(),
) -> TracedChange:
    """A stored change, read."""
    person = sources.stored_person(kind, source, msgspec.json.encode(fragment))
    names = tuple(person_key(*key) for key in keys) or ("k" * 16,)
    return read(person, names, rules or Rules(), Blocked(), shared.__contains__)


def mparticle(mpid: str | None = None, **identities: str) -> dict[str, Any]:
    named = [{"type": name, "value": value} for name, value in identities.items()]
    return {"user_identities": named, **({"mpid": mpid} if mpid else {})}


@pytest.mark.parametrize(
    ("kind", "source", "fragment", "named"),
    [
        ("audience", "changes", {"email": "Eg@example.com", "external_id": "C-1"}, [EMAIL, ("external_id", "C-1")]),
        ("audience", "mparticle", mparticle("7", email="eg@example.com"), [EMAIL, ("mpid", "7")]),
        ("erasure", "mparticle", mparticle(mpid="7", mobile_number="+1 415 555 2671"), [("mpid", "7"), PHONE]),
        ("profile", "segment", {"email": "eg@example.com", "user_id": "u-1"}, [EMAIL, ("user_id", "u-1")]),
        ("event", "segment", {"profile": {"email": "eg@example.com"}, "user_id": "u-1"}, [EMAIL, ("user_id", "u-1")]),
        ("event", "changes", {"profile": {"anonymous_id": "d"}}, [("anonymous_id", "d")]),
        ("consent", "consent", {"email": "eg@example.com", "phone_number": "+14155552671"}, [EMAIL, PHONE]),
        ("consent", "segment", {"phone_number": "(415) 555-2671", "country_code": "US"}, [PHONE]),
        ("audience", "changes", {"email": "eg@example.com", "external_id": "null"}, [EMAIL]),
        ("audience", "mparticle", mparticle(customer="5"), [("external_id", "customer:5")]),
        ("audience", "mparticle", mparticle(customer="0"), []),
    ],
)
def test_who_it_is_whatever_the_queue_keeps_of_one(
    kind: str, source: str, fragment: dict[str, Any], named: list[Named]
) -> None:
    assert list(of(kind, source, fragment).trace.who.named) == named


@pytest.mark.parametrize("fragment", [{}, {"profile": []}, {"profile": "x"}])
def test_an_event_without_a_profile_cannot_be_read(fragment: dict[str, Any]) -> None:
    with pytest.raises(Rejected):
        sources.stored_person("event", "segment", msgspec.json.encode(fragment))


def test_an_id_that_the_rules_make_one_of_klaviyos_is_not_told_apart_by_its_type() -> None:
    rules = Rules(alternate_identifier="customer")
    found = of("audience", "mparticle", mparticle(customer="5", other="5"), rules=rules)
    assert list(found.trace.who.named) == [("external_id", "5"), ("external_id", "other:5")]
    assert found.keys_by == {("external_id", "5"): person_key("external_id", "5")}


def test_the_key_of_an_mpid_is_the_one_that_nothing_else_explains() -> None:
    fragment = mparticle("7", email="eg@example.com", customer="Abc", mobile_number="+14155552671")
    own = person_key("mpid", "71:7")
    keys = (EMAIL, ("mpid", "71:7"), ("external_id", "Abc"), ("phone", "14155552671"))
    assert of("audience", "mparticle", fragment, *keys).keys_by[("mpid", "7")] == own
    assert of("audience", "mparticle", fragment, EMAIL, ("mpid", "71:7")).keys_by[("mpid", "7")] == own
    assert ("mpid", "7") not in of("audience", "mparticle", fragment, EMAIL, ("external_id", "abc")).keys_by


def test_keys_of_values_that_are_nobodys_lead_nowhere() -> None:
    found = of("audience", "changes", {"email": "eg@example.com", "external_id": "N/A"}, EMAIL)
    assert {person_key("external_id", "N/A"), person_key("external_id", "n/a")} <= found.left_out
    assert person_key(*EMAIL) not in found.left_out
    shared = of("audience", "changes", {"external_id": "c-1"}, shared=frozenset({("external_id", "c-1")}))
    assert shared.trace.who.named == ()
    assert person_key("external_id", "c-1") in shared.left_out


def test_earlier_versions_folded_ids_and_no_mpid_is_stored_without_its_account() -> None:
    assert keys_under(("external_id", "AbC")) == {person_key("external_id", "AbC"), person_key("external_id", "abc")}
    assert keys_under(PHONE) == {person_key("phone", "14155552671")}
    assert keys_under(("mpid", "7")) == set()


def test_segments_own_id_is_known_by_its_key_where_the_fragment_does_not_say_it() -> None:
    trace = of("event", "segment", {"profile": {"email": "eg@example.com"}}).trace
    own = ("user_id", "U-1")
    assert with_ids(trace, [person_key("user_id", "u-1")], [own]).who.named == (EMAIL, own)
    assert with_ids(trace, [person_key("user_id", "u-2")], [own]) == trace
    told = of("event", "segment", {"profile": {"email": "eg@example.com"}, "user_id": "u-1"}).trace
    assert with_ids(told, [person_key("user_id", "u-1")], [own]) == told, "the fragment says which it is"
