"""What of a change identifies its person, and in which spelling."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from identity.identifiers import Identifiers, keys_of, made, of_person, typed_phone, usable
from identity.sending import Policy
from mappings.person import Person
from mappings.rules import Rules
from mappings.sources import read
from queues.change import person_key

RULES = Rules(alternate_identifier="customer", default_country="US")


def person(source: str, **fragment: Any) -> Person:
    return read(source, msgspec.json.encode(fragment))


def who(source: str, **fragment: Any) -> Identifiers:
    return of_person(person(source, **fragment), RULES)


def test_every_source_names_the_same_person_alike() -> None:
    named = (("email", "ann@example.com"), ("external_id", "C-1"), ("phone", "+14155552671"))
    told = {"email": " Ann@Example.com", "external_id": " C-1 "}
    assert who("changes", **told, phone="(415) 555-2671").named == named
    assert who("segment", **told, phone_number="415-555-2671", country_code="US").named == named
    identities = {"email": "ANN@example.com", "customer_id": "C-1", "mobile_number": "+1 415 555 2671"}
    entries = [{"type": name, "value": value} for name, value in identities.items()]
    assert who("mparticle", user_identities=entries).named == named


def test_a_cdps_own_ids_stand_between_klaviyos_id_and_the_phone() -> None:
    entries = [{"type": "customer", "value": "c"}, {"type": "mobile_number", "value": "+14155552671"}]
    assert [kind for kind, _ in who("mparticle", mpid="7", user_identities=entries).named] == [
        *("external_id", "mpid", "phone")
    ]
    assert who("segment", user_id="u-1", anonymous_id="d").named == (("user_id", "u-1"), ("anonymous_id", "d"))


@pytest.mark.parametrize("value", ["c-1", "C-1"])
def test_ids_keep_their_case(value: str) -> None:
    assert who("changes", external_id=value).value("external_id") == value


def test_a_phone_is_read_with_the_persons_country_and_as_nothing_without_one() -> None:
    told = {"phone": "030 123456", "attributes": {"country": "Germany"}}
    assert who("changes", **told).value("phone") == "+4930123456"
    assert of_person(person("changes", phone="030 123456"), Rules()).named == ()


def test_blocked_values_are_left_out_and_told_of() -> None:
    found = who("changes", email="ann@example.com", external_id="null", phone="+10000000000")
    assert (found.named, set(found.left_out)) == ((("email", "ann@example.com"),), {"external_id", "phone"})


@pytest.mark.parametrize("email", ["nonsense", "a@b", "ann@exa mple.com"])
def test_a_wrong_e_mail_is_no_identifier_and_makes_no_room_for_others(email: str) -> None:
    found = who("changes", email=email, external_id="c")
    assert (found.email, found.wrong, found.named) == ("", True, (("external_id", "c"),))


def test_of_several_e_mails_the_first_valid_one_counts() -> None:
    entries = [{"type": "email", "value": value} for value in ("no", "b@example.com", "c@example.com")]
    assert (who("mparticle", user_identities=entries).email, who("mparticle", user_identities=entries).wrong) == (
        "b@example.com",
        False,
    )


def test_a_hashed_e_mail_is_wrong_unless_a_raw_one_stands_beside_it() -> None:
    hashed = {"type": "email", "value": "e179", "encoding": "md5"}
    raw = {"type": "email", "value": "ann@example.com"}
    assert who("mparticle", user_identities=[hashed]).wrong
    assert not who("mparticle", user_identities=[hashed, raw]).wrong


def test_what_identifies_nobody_is_taken_off_the_person_and_the_rest_stays() -> None:
    told = person("changes", email="ann@example.com", external_id="0", phone="+14155552671")
    shared = {("phone", "+14155552671")}
    left = usable(told, RULES, Policy().blocked, shared.__contains__)
    assert [each.type for each in left.identities] == ["email"]


def test_the_first_key_names_the_person_and_ids_with_one_e_mail_stand_right_behind_it() -> None:
    found = made([("phone", "+1415"), ("external_id", "c"), ("mpid", "7"), ("email", "a@b.co")])
    expected = [("email", "a@b.co"), ("mpid", "1:7"), ("external_id", "c"), ("phone", "1415")]
    assert keys_of(found, 1) == tuple(person_key(*each) for each in expected)


def test_nobody_has_no_key_and_a_phone_of_no_country_has_one_of_its_own() -> None:
    assert keys_of(Identifiers()) == ()
    assert typed_phone("(415) 555") == (person_key("phone/typed", "415555"),)
    assert typed_phone("n/a") == ()


@pytest.mark.parametrize(
    ("policy", "source", "moving"),
    [
        (Policy(), "mparticle", {"mpid"}),
        (Policy(), "segment", {"user_id", "external_id"}),
        (Policy(), "changes", set()),
        (Policy(email_change="move"), "changes", {"external_id"}),
        (Policy(email_change="keep"), "mparticle", set()),
    ],
)
def test_which_ids_have_one_e_mail_at_a_time(policy: Policy, source: str, moving: set[str]) -> None:
    named = {
        "mparticle": [("mpid", "7"), ("external_id", "c")],
        "segment": [("user_id", "u"), ("external_id", "u")],
        "changes": [("external_id", "c")],
    }
    assert {kind for kind, _ in policy.moving(made(named[source]), source)} == moving


def test_an_external_id_that_is_not_segments_user_id_may_have_several_e_mails() -> None:
    found = made([("user_id", "u"), ("external_id", "x")])
    assert Policy().moving(found, "segment") == {("user_id", "u")}
