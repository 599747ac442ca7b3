from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.consent import Consent, to_consent
from mappings.errors import Reason, Rejected
from mappings.rules import Rules

AT = "2024-04-01T18:37:06.558Z"
RULES = Rules()


def consent(rules: Rules = RULES, **fields: Any) -> Consent:
    return to_consent(json.dumps(fields).encode(), rules)


def refusal(**fields: Any) -> Rejected:
    with pytest.raises(Rejected) as caught:
        consent(**fields)
    return caught.value


def test_everything_a_consent_says_is_read() -> None:
    found = consent(
        email=" Ada@Example.com\ufeff",
        phone_number="+1 (212) 556-0100",
        list_id="L1",
        custom_source="-59",
        historical_import=True,
        consented_at="2024-04-01T18:37:06.5589Z",
    )
    assert found == Consent("ada@example.com", "+12125560100", "L1", "-59", AT)


@pytest.mark.parametrize("nothing", [None, "", "  "])
def test_what_is_not_said_is_none(nothing: str | None) -> None:
    found = consent(email="ada@example.com", phone_number=nothing, list_id=nothing, custom_source=nothing)
    assert found == Consent("ada@example.com", None, None, None, None)


def test_numbers_are_ids_too() -> None:
    assert consent(email="ada@example.com", list_id=4711, custom_source=-59).list_id == "4711"
    assert consent(phone_number=8448309222, country_code="IN").phone == "+918448309222"


@pytest.mark.parametrize(
    ("number", "country", "e164"),
    [
        ("8448309222", "IN", "+918448309222"),
        ("8448309222", "in", "+918448309222"),
        ("8448309222", " In ", "+918448309222"),
        ("+91 84483 09222", None, "+918448309222"),
        ("+1 (212) 556-0100", None, "+12125560100"),
        ("+918448309222", "US", "+918448309222"),
        ("0599 123 456", "PS", "+970599123456"),
        ("0912 345 678", "tw", "+886912345678"),
        ("51234", "GS", "+50051234"),
        ("021 123 4567", "PN", "+64211234567"),
    ],
)
def test_a_phone_is_read_by_its_country(number: str, country: str | None, e164: str) -> None:
    assert consent(phone_number=number, country_code=country).phone == e164


@pytest.mark.parametrize("code", [None, "", "DE"])
def test_without_a_country_of_its_own_the_rules_say_one(code: str | None) -> None:
    assert consent(Rules(default_country="DE"), phone_number="0151 12345678", country_code=code).phone == (
        "+4915112345678"
    )


def test_a_country_nobody_knows_is_not_the_usual_one() -> None:
    found = consent(
        Rules(default_country="US"), email="ada@example.com", phone_number="2125560100", country_code="Atlantis"
    )
    assert (found.phone, found.warnings) == (None, (Reason.PHONE_INVALID,))


def test_every_country_code_is_taken_in_any_case() -> None:
    lines = (files("tzdata") / "zoneinfo" / "iso3166.tab").read_text("utf-8").splitlines()
    for code in [line[:2] for line in lines if line and not line.startswith("#")]:
        for written in (code, code.lower()):
            assert consent(phone_number="+12125560100", country_code=written).phone == "+12125560100"


@pytest.mark.parametrize("phone", ["invalid", "123", "2125560100", True, 1.5, [], {"a": "+12125560100"}])
def test_an_invalid_phone_loses_its_channel_only_and_is_reported(phone: object) -> None:
    found = consent(email="ada@example.com", phone_number=phone)
    assert found == Consent("ada@example.com", None, None, None, None, (Reason.PHONE_INVALID,))


def test_an_invalid_email_loses_its_channel_only_and_is_reported() -> None:
    found = consent(email="ada@example", phone_number="+12125560100")
    assert found == Consent(None, "+12125560100", None, None, None, (Reason.EMAIL_INVALID,))


@pytest.mark.parametrize(
    ("fields", "reason", "field"),
    [
        ({}, Reason.NO_IDENTIFIER, None),
        ({"email": "", "phone_number": None, "external_id": "c-1"}, Reason.NO_IDENTIFIER, None),
        ({"email": "ada"}, Reason.EMAIL_INVALID, "email"),
        ({"phone_number": "123"}, Reason.PHONE_INVALID, "phone_number"),
        ({"email": "ada", "phone_number": "123"}, Reason.EMAIL_INVALID, "email"),
    ],
)
def test_without_any_channel_there_is_no_consent(fields: dict[str, Any], reason: Reason, field: str | None) -> None:
    caught = refusal(**fields)
    assert (caught.reason, caught.field) == (reason, field)


BOTH: dict[str, Any] = {"email": "ada@example.com", "phone_number": "+12125560100"}


@pytest.mark.parametrize("channels", [["email"], ["sms"], ["email", "sms"]])
def test_a_consent_for_some_channels_knows_both_addresses(channels: list[str]) -> None:
    found = consent(channels=channels, **BOTH)
    assert (found.email, found.phone, found.channels) == ("ada@example.com", "+12125560100", tuple(channels))


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"channels": ["sms"], "email": "ada@example.com"}, Reason.NO_IDENTIFIER),
        ({"channels": ["email"], "phone_number": "+12125560100"}, Reason.NO_IDENTIFIER),
        ({"channels": ["sms"], "email": "ada@example.com", "phone_number": "123"}, Reason.PHONE_INVALID),
        ({"channels": ["email"], "email": "ada", "phone_number": "+12125560100"}, Reason.EMAIL_INVALID),
        ({"channels": ["push"], "email": "ada@example.com"}, Reason.FRAGMENT_UNREADABLE),
        ({"channels": "email", "email": "ada@example.com"}, Reason.FRAGMENT_UNREADABLE),
        ({"channels": [], "email": "ada@example.com"}, Reason.FRAGMENT_UNREADABLE),
        ({"channels": None, "email": "ada@example.com"}, Reason.FRAGMENT_UNREADABLE),
        ({"channels": [["email"]], "email": "ada@example.com"}, Reason.FRAGMENT_UNREADABLE),
    ],
)
def test_a_channel_without_its_address_is_no_consent(fields: dict[str, Any], reason: Reason) -> None:
    assert refusal(**fields).reason is reason


def test_the_time_counts_only_for_historical_consent() -> None:
    unsaid: list[dict[str, Any]] = [{}, {"historical_import": False}]
    for said in unsaid:
        assert consent(email="ada@example.com", consented_at=AT, **said).consented_at is None
        assert consent(email="ada@example.com", consented_at="yesterday", **said).consented_at is None
    assert consent(email="a@example.com", consented_at=1711996626.558, historical_import=True).consented_at == AT


@pytest.mark.parametrize("at", [None, "", "yesterday", True])
def test_historical_consent_without_its_time_is_rejected(at: object) -> None:
    caught = refusal(email="ada@example.com", historical_import=True, consented_at=at)
    assert (caught.reason, caught.field) == (Reason.TIME_INVALID, "consented_at")


@pytest.mark.parametrize("fields", [{"historical_import": "true"}, {"list_id": ["L1"]}, {"custom_source": True}])
def test_what_intake_never_stores_is_unreadable(fields: dict[str, Any]) -> None:
    assert refusal(email="ada@example.com", **fields).reason is Reason.FRAGMENT_UNREADABLE


def test_a_source_longer_than_any_text_is_rejected() -> None:
    assert refusal(email="ada@example.com", custom_source="x" * 100_001).reason is Reason.ATTRIBUTE_TOO_LARGE


def test_nobody_is_seen_in_a_representation_or_a_reason() -> None:
    assert "example.com" not in repr(consent(email="ada@example.com"))
    assert "+1" not in repr(consent(phone_number="+12125560100"))
    assert "ada" not in str(refusal(email="ada"))


_JSON: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(st.characters(exclude_categories=()))),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)),
    max_leaves=5,
)
_FIELDS = ("email", "phone_number", "country_code", "list_id", "custom_source", "historical_import", "consented_at")


@given(st.one_of(st.binary(), st.dictionaries(st.sampled_from(_FIELDS), _JSON).map(lambda d: json.dumps(d).encode())))
def test_nothing_but_rejected_is_raised_and_every_consent_has_a_channel(fragment: bytes) -> None:
    try:
        found = to_consent(fragment, Rules(default_country="US"))
    except Rejected:
        return
    assert found.email or found.phone


@given(st.dictionaries(st.sampled_from(["phone_number", "country_code", "external_id", "consented_at"]), _JSON))
def test_a_good_email_is_never_lost(fields: dict[str, Any]) -> None:
    found = consent(**{"email": "ada@example.com", **fields})
    assert found.email == "ada@example.com"
    phone = fields.get("phone_number")
    told = not (phone is None or (isinstance(phone, str) and not phone.strip()))
    assert (Reason.PHONE_INVALID in found.warnings) == (told and found.phone is None)
