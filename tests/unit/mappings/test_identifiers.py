from __future__ import annotations

import pytest

from mappings.errors import Reason, Rejected
from mappings.person import Attribute, Identity, Person
from mappings.profile import Profile, to_profile
from mappings.rules import Rules

_JANE = Identity("email", "jane@example.com")
_MD5 = Identity("email", "e179e95c00e7718ab4a23840f992ea63", "md5")
_INVALID = Identity("email", "invalid_email@gmail..com")


def _profile(*identities: Identity, rules: Rules | None = None, country: str | None = None) -> Profile:
    attributes = () if country is None else (Attribute("$Country", country),)
    return to_profile(Person(identities, attributes), rules or Rules())


def _rejection(*identities: Identity, rules: Rules | None = None) -> Rejected:
    with pytest.raises(Rejected) as caught:
        _profile(*identities, rules=rules)
    return caught.value


@pytest.mark.parametrize(
    ("identities", "email"),
    [
        ((_JANE,), "jane@example.com"),
        ((Identity("email", " Jane+Tag@Example.com\n"),), "jane+tag@example.com"),
        ((_MD5, _JANE), "jane@example.com"),
        ((_INVALID, _JANE), "jane@example.com"),
        ((_JANE, Identity("email", "doe@example.com")), "jane@example.com"),
        ((Identity("email", "\u200b"), Identity("email", "Jane@MÜLLER.de")), "jane@xn--mller-kva.de"),
    ],
)
def test_the_email_is_the_first_raw_valid_one_in_its_one_spelling(identities: tuple[Identity, ...], email: str) -> None:
    assert _profile(*identities) == Profile({"email": email})


@pytest.mark.parametrize(
    ("identities", "reason"),
    [
        ((), Reason.NO_EMAIL),
        ((Identity("customer", "c-1"), Identity("mpid", "1")), Reason.NO_EMAIL),
        ((Identity("mobile_number", "+12125560100"),), Reason.NO_EMAIL),
        ((Identity("email", "  "),), Reason.NO_EMAIL),
        ((_MD5,), Reason.EMAIL_HASHED),
        ((_MD5, Identity("email", "x", "sha256"), Identity("email", "x", "sha1")), Reason.EMAIL_HASHED),
        ((_MD5, Identity("external_id", "c-1")), Reason.EMAIL_HASHED),
        ((_INVALID,), Reason.EMAIL_INVALID),
        ((_INVALID, _MD5), Reason.EMAIL_INVALID),
        ((_INVALID, Identity("external_id", "c-1"), Identity("phone", "+12125560100")), Reason.EMAIL_INVALID),
    ],
)
def test_a_person_without_a_usable_email_is_rejected_with_the_reason(
    identities: tuple[Identity, ...], reason: Reason
) -> None:
    rejected = _rejection(*identities, rules=Rules(alternate_identifier="customer"))
    assert (rejected.reason, rejected.field) == (reason, "email")


@pytest.mark.parametrize(
    ("identity", "attributes"),
    [
        (Identity("phone", "+1 212 556 0100"), {"phone_number": "+12125560100"}),
        (Identity("external_id", " c-1 "), {"external_id": "c-1"}),
    ],
)
def test_a_person_of_v1_changes_needs_no_email_beside_another_identifier(
    identity: Identity, attributes: dict[str, str]
) -> None:
    assert _profile(identity) == Profile(attributes)


@pytest.mark.parametrize(
    ("identities", "reason", "field"),
    [
        ((Identity("phone", "123"),), Reason.PHONE_INVALID, "phone_number"),
        ((Identity("phone", "x", "md5"),), Reason.PHONE_HASHED, "phone_number"),
        ((Identity("external_id", "x" * 256),), Reason.EXTERNAL_ID_TOO_LONG, "external_id"),
        ((Identity("external_id", "a\x00b"),), Reason.EXTERNAL_ID_INVALID, "external_id"),
        ((Identity("phone", "123"), Identity("external_id", "x" * 256)), Reason.PHONE_INVALID, "phone_number"),
    ],
)
def test_a_person_of_v1_changes_with_no_identifier_left_is_rejected(
    identities: tuple[Identity, ...], reason: Reason, field: str
) -> None:
    rejected = _rejection(*identities)
    assert (rejected.reason, rejected.field) == (reason, field)


def test_an_invalid_phone_beside_a_good_external_id_is_left_out_with_a_warning() -> None:
    profile = _profile(Identity("phone", "123"), Identity("external_id", "c-1"))
    assert profile == Profile({"external_id": "c-1"}, warnings=(Reason.PHONE_INVALID,))


@pytest.mark.parametrize("alternate", ["customer", "other", *(f"other{n}" for n in range(2, 11))])
def test_the_alternate_identifier_becomes_the_external_id(alternate: str) -> None:
    profile = _profile(_JANE, Identity(alternate, "c-1"), rules=Rules(alternate_identifier=alternate))
    assert profile == Profile({"email": "jane@example.com", "external_id": "c-1"})


def test_without_an_alternate_identifier_no_identity_becomes_the_external_id() -> None:
    assert _profile(_JANE, Identity("customer", "c-1"), Identity("other", "o-1")) == Profile(
        {"email": "jane@example.com"}
    )


def test_an_external_id_of_255_characters_is_sent() -> None:
    profile = _profile(_JANE, Identity("external_id", "é" * 255))
    assert profile.attributes["external_id"] == "é" * 255
    assert profile.warnings == ()


@pytest.mark.parametrize(
    ("identity", "warning"),
    [
        (Identity("external_id", "x" * 256), Reason.EXTERNAL_ID_TOO_LONG),
        (Identity("external_id", "a\ud800b"), Reason.EXTERNAL_ID_INVALID),
        (Identity("customer", "4739c5c11d833bb199c16ff95a92b267", "md5"), Reason.EXTERNAL_ID_HASHED),
        (Identity("mobile_number", "123"), Reason.PHONE_INVALID),
        (Identity("mobile_number", "2125560100"), Reason.PHONE_INVALID),
        (Identity("mobile_number", "+12125560100", "sha256"), Reason.PHONE_HASHED),
    ],
)
def test_another_identifier_that_does_not_hold_is_left_out_with_a_warning(identity: Identity, warning: Reason) -> None:
    profile = _profile(_JANE, identity, rules=Rules(alternate_identifier="customer"))
    assert profile == Profile({"email": "jane@example.com"}, warnings=(warning,))


def test_a_hashed_identity_beside_a_raw_one_of_its_type_is_no_matter() -> None:
    hashed, raw = Identity("mobile_number", "x", "md5"), Identity("mobile_number", "+12125560100")
    assert _profile(_JANE, hashed, raw) == Profile({"email": "jane@example.com", "phone_number": "+12125560100"})


@pytest.mark.parametrize("phone", ["mobile_number", "phone_number_2", "phone_number_3"])
def test_the_phone_comes_from_the_phone_identifier_alone(phone: str) -> None:
    others = [
        Identity(name, "+4915112345678")
        for name in ("mobile_number", "phone_number_2", "phone_number_3")
        if name != phone
    ]
    profile = _profile(_JANE, *others, Identity(phone, "+12125560100"), rules=Rules(phone_identifier=phone))
    assert profile == Profile({"email": "jane@example.com", "phone_number": "+12125560100"})


def test_the_mobile_number_is_the_phone_by_default() -> None:
    profile = _profile(_JANE, Identity("phone_number_2", "+4915112345678"), Identity("mobile_number", "+12125560100"))
    assert profile.attributes["phone_number"] == "+12125560100"


@pytest.mark.parametrize(
    ("number", "country", "default", "e164"),
    [
        ("(212) 556-0100", "US", None, "+12125560100"),
        ("(212) 556-0100", "usa", None, "+12125560100"),
        ("(212) 556-0100", "United States", None, "+12125560100"),
        ("0151 12345678", "Germany", "US", "+4915112345678"),
        ("0151 12345678", None, "DE", "+4915112345678"),
        ("0151 12345678", " ", "DE", "+4915112345678"),
        ("021 123 4567", "Pitcairn", "DE", "+64211234567"),
        ("+4915112345678", "US", "US", "+4915112345678"),
        ("004915112345678", "FR", None, "+4915112345678"),
    ],
)
def test_a_phone_without_a_country_code_takes_that_of_the_person_then_the_default(
    number: str, country: str | None, default: str | None, e164: str
) -> None:
    profile = _profile(_JANE, Identity("mobile_number", number), rules=Rules(default_country=default), country=country)
    assert profile.attributes["phone_number"] == e164


def test_a_phone_from_a_country_that_nobody_knows_is_left_out_and_not_read_by_another_plan() -> None:
    number = Identity("mobile_number", "0151 12345678")
    profile = _profile(_JANE, number, rules=Rules(default_country="DE"), country="Atlantis")
    assert ("phone_number" in profile.attributes, profile.warnings) == (False, (Reason.PHONE_INVALID,))


def test_the_country_of_the_person_is_sent_as_it_was_given() -> None:
    assert _profile(_JANE, country="usa").attributes["location"] == {"country": "usa"}


def test_no_rejection_repeats_what_the_person_is_known_by() -> None:
    for identities in ((_INVALID,), (_MD5,), (Identity("phone", "555-0100"),)):
        message = str(_rejection(*identities))
        assert not any(identity.value in message for identity in identities)
