"""Looking people up: what is asked, and what is made of Klaviyo's answers."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import responses
from hypothesis import given
from hypothesis import strategies as st

from klaviyo.errors import NotAccepted
from klaviyo.lookups import FoundProfile, ProfileField, any_of, by_value, query
from klaviyo.outcomes import UNEXPECTED, Gone, HoldNeeded
from tests.support.answered import URL, client, sent_query

PROFILES = f"{URL}/api/profiles"
ON_LIST = f"{URL}/api/lists/L1/profiles"
IMPORTED = f"{URL}/api/profile-bulk-import-jobs/J1/profiles"
LISTS_OF = f"{URL}/api/profiles/P1/relationships/lists"
SHOWN = "email,phone_number,external_id"
ANN = FoundProfile("P1", "ann@example.com", "+12125560100", "c-1")
UNKNOWN = {"errors": [{"id": "e-1", "code": "not_found"}]}
ODD = ['o"hara@example.com', "back\\slash@example.com", "a+b,c)]@example.com", "mañana&x=1#@example.com", "' or '%22"]


def profile(profile_id: str, **attributes: Any) -> dict[str, Any]:
    return {"type": "profile", "id": profile_id, "attributes": attributes}


def ann(**more: Any) -> dict[str, Any]:
    return profile("P1", email=ANN.email, phone_number=ANN.phone_number, external_id=ANN.external_id, **more)


def answer(url: str, *data: dict[str, Any], after: str | None = None) -> None:
    responses.get(url, json={"data": list(data), "links": {"self": url, "next": after, "prev": None}})


def sms(consent: str | None) -> dict[str, Any]:
    return {"email": {"marketing": {"consent": "SUBSCRIBED"}}, "sms": {"marketing": {"consent": consent}}}


@pytest.mark.parametrize("field", ["id", "email", "phone_number", "external_id"])
@responses.activate
def test_profiles_are_asked_for_by_any_identifier_a_hundred_at_a_time(field: ProfileField) -> None:
    answer(PROFILES, ann())
    answer(PROFILES, profile("P2", email="bob@example.com", phone_number=None, external_id=None))
    values = [f"v+{number}" for number in range(101)]
    assert client().find_profiles(field, values) == [ANN, FoundProfile("P2", "bob@example.com", None, None)]
    first, second = (sent_query(index) for index in range(2))
    hundred = ",".join(f'"{value}"' for value in values[:100])
    assert first == {"filter": [f"any({field},[{hundred}])"], "fields[profile]": [SHOWN], "page[size]": ["100"]}
    assert second["filter"] == [f'any({field},["v+100"])']


@responses.activate
def test_members_are_asked_for_on_their_list_with_all_that_is_known_of_them() -> None:
    answer(ON_LIST, ann())
    assert client().find_members("L1", "phone_number", ["+12125560100", "+12125560101"]) == [ANN]
    assert sent_query() == {
        "filter": ['any(phone_number,["+12125560100","+12125560101"])'],
        "fields[profile]": [SHOWN],
        "page[size]": ["100"],
    }


@responses.activate
def test_a_look_up_of_nobody_is_no_request() -> None:
    assert client().find_profiles("email", []) == []
    assert client().find_members("L1", "email", []) == []
    assert len(responses.calls) == 0


@responses.activate
def test_a_profile_that_several_values_lead_to_is_found_once_and_shows_its_primary_address() -> None:
    for _ in range(2):
        answer(PROFILES, ann())
    found = client().find_profiles("email", [f"alias{number}@example.com" for number in range(101)])
    assert found == [ANN]


@responses.activate
def test_a_second_page_of_a_look_up_is_read() -> None:
    answer(PROFILES, ann(), after=f"{PROFILES}/?page%5Bcursor%5D=b")
    answer(PROFILES, profile("P2"))
    assert [found.id for found in client().find_profiles("external_id", ["c-1", "c-2"])] == ["P1", "P2"]


@pytest.mark.parametrize(
    ("told", "consent"),
    [
        (sms("SUBSCRIBED"), True),
        (sms("UNSUBSCRIBED"), False),
        (sms("NEVER_SUBSCRIBED"), False),
        (sms(None), False),
        ({"email": {"marketing": {"consent": "SUBSCRIBED"}}, "sms": None}, False),
        ({"sms": {"marketing": None}}, False),
        (None, False),
    ],
)
@responses.activate
def test_consent_by_sms_is_told_where_it_is_asked_for(told: dict[str, Any] | None, consent: bool) -> None:
    answer(PROFILES, ann(subscriptions=told))
    (found,) = client().find_profiles("id", ["P1"], consents=True)
    assert (found.id, found.sms_consent) == ("P1", consent)
    assert sent_query()["additional-fields[profile]"] == ["subscriptions"]
    assert sent_query()["fields[profile]"] == [f"{SHOWN},subscriptions"]


@responses.activate
def test_a_look_up_keeps_the_url_short() -> None:
    answer(PROFILES)
    client().find_profiles("email", [f"{'ö' * 60}{number}@example.com" for number in range(100)], consents=True)
    assert len(responses.calls) > 1
    assert all(len(call.request.url or "") < 6_000 for call in responses.calls)


@responses.activate
def test_odd_addresses_are_quoted_and_reach_klaviyo_as_they_are() -> None:
    answer(PROFILES)
    client().find_profiles("email", ODD)
    (text,) = sent_query()["filter"]
    assert read_literals(text) == ODD


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), max_size=8))
def test_any_values_at_all_are_read_again_from_the_url(values: list[str]) -> None:
    urls = [query({"filter": expression}) for expression in any_of("external_id", values)]
    assert all(url.isascii() and not set(url) & set(' "+#&,()[]\\') for url in urls)
    assert [value for url in urls for value in read_literals(parse_qs(url)["filter"][0])] == values


def read_literals(text: str) -> list[str]:
    """The values of an `any`, read one character after another: a backslash makes the next one itself."""
    inside = re.fullmatch(r"any\([a-z_]+,\[(.*)\]\)", text, re.DOTALL)
    assert inside
    values: list[str] = []
    rest = iter(inside[1])
    for character in rest:
        if character == '"':
            value = ""
            while (each := next(rest)) != '"':
                value += next(rest) if each == "\\" else each
            values.append(value)
    return values


@pytest.mark.parametrize("data", [[{"id": "P1"}], [{"id": "P1", "attributes": {"email": 1}}], [None], {}])
@pytest.mark.parametrize("url", [PROFILES, ON_LIST, IMPORTED])
@responses.activate
def test_an_answer_that_cannot_be_read_finds_nobody_and_says_so(url: str, data: Any) -> None:
    responses.get(url, json={"data": data})
    calls = {
        PROFILES: lambda: client().find_profiles("email", ["a@example.com"]),
        ON_LIST: lambda: client().find_members("L1", "email", ["a@example.com"]),
        IMPORTED: lambda: list(client().imported_profiles("J1")),
    }
    with pytest.raises(NotAccepted) as refusal:
        calls[url]()
    assert refusal.value.outcome == UNEXPECTED


@responses.activate
def test_a_list_that_is_gone_is_a_hold_of_it() -> None:
    responses.get(ON_LIST, status=404, json=UNKNOWN)
    with pytest.raises(NotAccepted) as refusal:
        client().find_members("L1", "email", ["a@example.com"])
    assert isinstance(refusal.value.outcome, HoldNeeded)
    assert refusal.value.outcome.reason == "list_gone"


@responses.activate
def test_those_whom_an_import_wrote_come_page_by_page() -> None:
    answer(IMPORTED, ann(), after=f"{IMPORTED}?page%5Bcursor%5D=b&page%5Bsize%5D=100")
    answer(IMPORTED, profile("P2", email=None, phone_number=None, external_id="c-2"))
    found = client().imported_profiles("J1")
    assert next(found) == ANN
    assert len(responses.calls) == 1
    assert list(found) == [FoundProfile("P2", None, None, "c-2")]
    assert sent_query(0) == {"fields[profile]": [SHOWN], "page[size]": ["100"]}
    assert sent_query(1)["page[cursor]"] == ["b"]


@responses.activate
def test_an_import_that_klaviyo_has_forgotten_is_gone() -> None:
    responses.get(IMPORTED, status=404, json=UNKNOWN)
    with pytest.raises(NotAccepted) as refusal:
        list(client().imported_profiles("J1"))
    assert refusal.value.outcome == Gone("e-1")


@responses.activate
def test_the_lists_of_a_profile_are_told_by_id() -> None:
    answer(LISTS_OF, {"type": "list", "id": "L1"}, {"type": "list", "id": "L2"})
    assert client().lists_of("P1") == ["L1", "L2"]
    assert urlsplit(str(responses.calls[0].request.url)).query == ""


@responses.activate
def test_a_profile_on_no_list_is_not_an_unknown_one() -> None:
    answer(LISTS_OF)
    assert client().lists_of("P1") == []
    responses.replace(responses.GET, LISTS_OF, status=404, json=UNKNOWN)
    assert client().lists_of("P1") is None


@pytest.mark.parametrize(("status", "body"), [(500, {}), (404, {}), (403, UNKNOWN), (200, {"data": [{"id": 1}]})])
@responses.activate
def test_no_verdict_on_a_profiles_lists_is_not_taken_for_one(status: int, body: dict[str, Any]) -> None:
    responses.get(LISTS_OF, status=status, json=body)
    with pytest.raises(NotAccepted):
        client().lists_of("P1")


def test_values_are_matched_with_what_is_shown() -> None:
    bob = FoundProfile("P2", "Bob@Example.com", None, "C-1")
    everybody = [ANN, bob, FoundProfile("P3", None, None, None)]
    asked = ["ANN@example.com", "bob@example.COM", "alias@example.com"]
    assert by_value(everybody, "email", asked) == {"ANN@example.com": ANN, "bob@example.COM": bob}
    assert by_value(everybody, "external_id", ["c-1", "C-1", "C-2"]) == {"c-1": ANN, "C-1": bob}
    assert by_value(everybody, "phone_number", ["+12125560100", "12125560100"]) == {"+12125560100": ANN}
    assert by_value(everybody, "id", ["P3", "p3"]) == {"P3": everybody[2]}


@pytest.mark.parametrize("asked", ["\u212aim@example.com", "k\u0131m@example.com", "kim@example.com "])
def test_an_address_that_only_looks_like_another_is_another(asked: str) -> None:
    assert by_value([FoundProfile("P1", "kim@example.com", None, None)], "email", [asked]) == {}
