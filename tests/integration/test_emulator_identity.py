"""How the account tells people apart, over HTTP: its switch, several addresses, the delay, and phone numbers."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from tests.support.emulator_api import (
    EVENT,
    EVENTS,
    SUBSCRIBE,
    Api,
    bulk_body,
    entry,
    event,
    events_body,
    first_error,
    pointers,
    row,
    subscribed,
)

ADA, BOB = "a@example.com", "b@example.com"
PHONE, BAD_PHONE = "+12025550123", "+12025550"
PARTIAL_FAILURE = "X-Klaviyo-Partial-Failure"
INVALID_PHONE = "Invalid phone number format (Example of a valid format: +12345678901)"


@pytest.fixture
def vip(api: Api) -> str:
    """The id of a list that asks once."""
    return api.make_list("VIP", opt_in_process="single_opt_in")


def upsert(api: Api, **attributes: object) -> requests.Response:
    return api.post("/api/profile-import", {"data": row(**attributes)})


def patch(api: Api, profile_id: str, **attributes: object) -> requests.Response:
    return api.call("PATCH", f"/api/profiles/{profile_id}", json={"data": {**row(**attributes), "id": profile_id}})


def imported(api: Api, *rows: dict[str, Any], to: str) -> list[str]:
    """Import, at once; why rows failed."""
    job_id = api.start_import(list(rows), to).json()["data"]["id"]
    errors = api.get(f"/api/profile-bulk-import-jobs/{job_id}/import-errors").json()["data"]
    return [error["attributes"]["detail"] for error in errors]


def found(api: Api, path: str, email: str) -> list[dict[str, Any]]:
    """What a filter by the address finds."""
    data: list[dict[str, Any]] = api.get(path, filter=f'equals(email,"{email}")').json()["data"]
    return data


def event_of(profile: dict[str, Any]) -> dict[str, Any]:
    made = event(unique_id="1")
    made["attributes"]["profile"] = {"data": profile}
    return {"data": made}


def test_two_owners_are_refused_at_first(api: Api, vip: str) -> None:
    api.make_profile(email=ADA)
    bob = api.make_profile(external_id="bob")
    answers = [upsert(api, email=ADA, external_id="bob"), patch(api, bob, email=ADA)]
    assert [(answer.status_code, first_error(answer)["code"]) for answer in answers] == [(409, "duplicate_profile")] * 2
    assert imported(api, row(email=ADA, external_id="bob"), to=vip) == [f"Duplicate email found: {ADA}"]
    assert api.members() == []


def test_overwriting_moves_what_the_row_names(api: Api, vip: str) -> None:
    api.control("identity", {"clash": "overwrite"})
    api.make_profile(external_id="bob", email=BOB)
    api.start_import([row(email=ADA)], vip)
    assert imported(api, row(email=ADA, external_id="bob"), to=vip) == []
    person = api.person("bob")
    assert person is not None
    assert (person["email"], person["lists"], api.person(BOB)) == (ADA, ["VIP"], None)
    assert (len(api.members()), ADA in api.members()) == (2, True)


def test_merging_makes_one_of_two_and_the_other_vanishes_from_every_list(api: Api, vip: str) -> None:
    api.control("identity", {"clash": "merge"})
    news = api.make_list("News", opt_in_process="single_opt_in")
    bob = api.make_profile(external_id="bob")
    api.start_import([row(email=ADA, title="Dr")], vip, news)
    ada = str(found(api, "/api/profiles", ADA)[0]["id"])
    answer = upsert(api, external_id="bob", email=ADA)
    assert (answer.status_code, answer.json()["data"]["id"]) == (200, bob)
    assert (answer.json()["data"]["attributes"]["email"], answer.json()["data"]["attributes"]["title"]) == (ADA, "Dr")
    assert api.get(f"/api/profiles/{ada}").status_code == 404
    members = api.get(f"/api/lists/{vip}/relationships/profiles").json()["data"]
    assert [member["id"] for member in members] == [bob]
    person = api.person(ADA)
    assert person is not None
    assert sorted(person["lists"]) == ["News", "VIP"]


def test_a_secondary_address_finds_a_profile_that_shows_another(api: Api, vip: str) -> None:
    api.control("identity", {"clash": "merge", "multi_email": True})
    imported(api, row(email=ADA, external_id="x"), row(email=BOB), to=vip)
    imported(api, row(email=BOB, external_id="x"), to=vip)
    for path in ("/api/profiles", f"/api/lists/{vip}/profiles"):
        (shown,) = found(api, path, BOB)
        assert shown["attributes"]["email"] == ADA
        assert "secondary_emails" not in shown["attributes"]
    assert len(found(api, f"/api/lists/{vip}/relationships/profiles", BOB)) == 1
    person = api.person(BOB)
    assert person is not None
    assert (person["email"], person["secondary_emails"]) == (ADA, [BOB])


def test_an_order_changes_what_it_names_and_a_reset_takes_it_back(api: Api, vip: str) -> None:
    for order in ({"clash": "merge"}, {"multi_email": True}, {"membership_delay_seconds": 60}, {}):
        api.control("identity", order)
    imported(api, row(email=ADA, external_id="x"), row(email=BOB), row(email=BOB, external_id="x"), to=vip)
    person = api.person(ADA)
    assert person is not None
    assert (person["secondary_emails"], person["lists"]) == ([BOB], [])
    api.control("identity", {"membership_delay_seconds": 0})
    assert api.members() == [ADA]
    api.control("reset")
    vip = api.make_list("VIP")
    imported(api, row(email=ADA, external_id="x"), row(email=BOB), to=vip)
    assert imported(api, row(email=BOB, external_id="x"), to=vip) == [f"Duplicate email found: {BOB}"]
    assert sorted(api.members()) == [ADA, BOB]


@pytest.mark.parametrize(
    "order", [{"clash": "guess"}, {"multi_email": "yes"}, {"membership_delay_seconds": -1}, {"delay": 1}, []]
)
def test_an_order_that_makes_no_sense_is_400_with_a_reason(api: Api, order: object) -> None:
    answer = api.call("POST", "/_emulator/identity", json=order)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_an_import_refuses_a_number_that_cannot_exist(api: Api, vip: str) -> None:
    rows = [row(email=BOB), row(email=ADA, phone_number=BAD_PHONE)]
    answer = api.start_import(rows, vip)
    assert answer.status_code == 400
    assert pointers(answer) == ["/data/attributes/profiles/data/1/attributes/phone_number"]
    assert first_error(answer)["detail"] == INVALID_PHONE
    assert api.person(BOB) is None


def test_writing_a_known_person_refuses_a_number_that_cannot_exist(api: Api) -> None:
    ada = api.make_profile(email=ADA, phone_number=PHONE)
    for answer in (upsert(api, email=ADA, phone_number=BAD_PHONE), patch(api, ada, phone_number=BAD_PHONE)):
        assert (answer.status_code, first_error(answer)["detail"]) == (400, INVALID_PHONE)
        assert PARTIAL_FAILURE not in answer.headers
    assert api.person(PHONE) is not None


def answers(api: Api, vip: str, profile: dict[str, Any]) -> list[requests.Response]:
    """Of the calls that go on without a number: creating a profile, an event and events, and subscribing."""
    given = {name: value for name, value in profile["attributes"].items() if name in ("email", "phone_number")}
    return [
        api.post("/api/profiles", {"data": profile}),
        api.post(EVENT, event_of(profile)),
        api.post(EVENTS, events_body(entry(profile, event(unique_id="2")))),
        api.post(SUBSCRIBE, bulk_body(SUBSCRIBE, [subscribed(**given)], vip)),
    ]


def test_some_calls_drop_a_bad_number_beside_an_address_and_say_so(api: Api, vip: str) -> None:
    found = answers(api, vip, row(email=ADA, phone_number=BAD_PHONE))
    assert [answer.status_code for answer in found] == [201, 202, 202, 202]
    assert {answer.headers.get(PARTIAL_FAILURE) for answer in found} == {"phone_number"}
    person = api.person(ADA)
    assert person is not None
    assert ("phone_number" in person, person["lists"]) == (False, ["VIP"])
    assert (api.consent(ADA), api.consent(ADA, "sms")) == ("SUBSCRIBED", "NEVER_SUBSCRIBED")
    assert api.events() == ["1", "2"]


def test_the_same_calls_refuse_a_bad_number_alone(api: Api, vip: str) -> None:
    found = answers(api, vip, row(phone_number=BAD_PHONE))
    assert [(answer.status_code, first_error(answer)["detail"]) for answer in found] == [(400, INVALID_PHONE)] * 4
    assert not any(PARTIAL_FAILURE in answer.headers for answer in found)


def test_the_same_calls_take_a_good_number_without_a_word(api: Api, vip: str) -> None:
    found = answers(api, vip, row(email=ADA, phone_number=PHONE))
    assert [answer.status_code for answer in found] == [201, 202, 202, 202]
    assert not any(PARTIAL_FAILURE in answer.headers for answer in found)
    assert api.consent(PHONE, "sms") == "SUBSCRIBED"


def test_a_call_that_is_refused_for_something_else_says_nothing_of_the_number(api: Api, vip: str) -> None:
    found = answers(api, vip, row(email="nope", phone_number=BAD_PHONE))
    assert [answer.status_code for answer in found] == [400] * 4
    assert not any(PARTIAL_FAILURE in answer.headers for answer in found)
