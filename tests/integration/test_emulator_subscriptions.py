from __future__ import annotations

from typing import Any

import pytest
import requests

from tests.support.emulator_api import SUBSCRIBE, Api, bulk_body, first_error, pointers, row, subscribed

PROFILES = "/data/attributes/profiles/data"
LONG_AGO = "2020-01-02T03:04:05+00:00"


@pytest.fixture
def single(api: Api) -> str:
    """The id of a list that asks once."""
    return api.make_list("VIP", opt_in_process="single_opt_in")


@pytest.fixture
def double(api: Api) -> str:
    """The id of a list that asks twice."""
    return api.make_list("Double", opt_in_process="double_opt_in")


def subscribe(api: Api, *rows: dict[str, Any], to: str | None = None, **attributes: object) -> requests.Response:
    return api.post(SUBSCRIBE, bulk_body(SUBSCRIBE, list(rows), to, **attributes))


def test_a_subscription_is_202_without_body_or_content_type(api: Api, single: str) -> None:
    answer = subscribe(api, subscribed("a@example.com"), to=single)
    assert (answer.status_code, answer.content) == (202, b"")
    assert "Content-Type" not in answer.headers
    assert answer.headers["RateLimit-Limit"] == "75, 75;w=1, 750;w=60"


def test_with_a_list_a_new_person_is_made_subscribed_and_put_on_it(api: Api, single: str) -> None:
    subscribe(api, subscribed("a@example.com", "+12025550123"), to=single, custom_source="Fair")
    person = api.person("a@example.com")
    assert person is not None
    assert (person["phone_number"], person["lists"], person["pending"]) == ("+12025550123", ["VIP"], [])
    email = person["subscriptions"]["email"]["marketing"]
    assert (email["consent"], email["custom_method_detail"], email["double_optin"]) == ("SUBSCRIBED", "Fair", False)
    assert person["subscriptions"]["sms"]["marketing"]["can_receive_sms_marketing"] is True
    assert person["subscriptions"]["sms"]["transactional"]["consent"] == "NEVER_SUBSCRIBED"


def test_a_list_that_asks_twice_leaves_the_person_pending_until_they_confirm(api: Api, double: str) -> None:
    subscribe(api, subscribed("a@example.com"), to=double)
    person = api.person("a@example.com")
    assert person is not None
    assert (person["lists"], person["pending"]) == ([], [double])
    assert api.consent("a@example.com") == "NEVER_SUBSCRIBED"
    confirmed = api.call("POST", "/_emulator/confirm/a@example.com").json()
    person = api.person("a@example.com")
    assert person is not None
    assert confirmed == {"confirmed": 1}
    assert (person["lists"], person["pending"]) == (["Double"], [])
    assert person["subscriptions"]["email"]["marketing"]["double_optin"] is True
    assert api.consent("a@example.com") == "SUBSCRIBED"


def test_history_is_believed_at_once_even_by_a_list_that_asks_twice(api: Api, double: str) -> None:
    subscribe(api, subscribed("a@example.com", consented_at=LONG_AGO), to=double, historical_import=True)
    person = api.person("a@example.com")
    assert person is not None
    assert person["lists"] == ["Double"]
    assert person["subscriptions"]["email"]["marketing"]["consent_timestamp"] == LONG_AGO


@pytest.mark.parametrize("opt_in", ["single_opt_in", "double_opt_in"])
def test_without_a_list_and_without_history_a_stranger_never_becomes_a_profile(api: Api, opt_in: str) -> None:
    api.control("account", {"opt_in_process": opt_in})
    assert subscribe(api, subscribed("a@example.com")).status_code == 202
    assert api.person("a@example.com") is None


def test_without_a_list_history_makes_a_profile(api: Api) -> None:
    subscribe(api, subscribed("a@example.com", consented_at=LONG_AGO), historical_import=True)
    assert api.consent("a@example.com") == "SUBSCRIBED"


@pytest.mark.parametrize(
    ("opt_in", "consent"), [("single_opt_in", "SUBSCRIBED"), ("double_opt_in", "NEVER_SUBSCRIBED")]
)
def test_without_a_list_the_account_decides_how_often_a_known_person_is_asked(
    api: Api, opt_in: str, consent: str
) -> None:
    api.control("account", {"opt_in_process": opt_in})
    api.make_profile(email="a@example.com")
    subscribe(api, subscribed("a@example.com"))
    assert api.consent("a@example.com") == consent
    api.call("POST", "/_emulator/confirm/a@example.com")
    assert api.consent("a@example.com") == "SUBSCRIBED"


@pytest.mark.parametrize(
    ("reason", "lifted"),
    [
        ("UNSUBSCRIBE", True),
        ("SPAM_COMPLAINT", True),
        ("USER_SUPPRESSED", True),
        ("HARD_BOUNCE", False),
        ("INVALID_EMAIL", False),
    ],
)
def test_subscribing_lifts_what_a_wish_can_lift(api: Api, single: str, reason: str, lifted: bool) -> None:
    api.make_profile(email="a@example.com", phone_number="+12025550123")
    api.control("suppress/a@example.com", {"reason": reason})
    subscribe(api, subscribed(phone_number="+12025550123"), to=single)
    assert api.suppressions("a@example.com") == [reason]
    subscribe(api, subscribed("a@example.com"), to=single)
    assert api.suppressions("a@example.com") == ([] if lifted else [reason])


def test_an_import_never_touches_consent(api: Api, single: str) -> None:
    subscribe(api, subscribed("a@example.com"), to=single)
    api.make_profile(email="b@example.com")
    api.control("suppress/b@example.com", {"reason": "UNSUBSCRIBE"})
    api.start_import([row(email=f"{name}@example.com", title="Dr") for name in "abc"], single)
    assert [api.consent(f"{name}@example.com") for name in "abc"] == ["SUBSCRIBED", *["NEVER_SUBSCRIBED"] * 2]
    assert api.suppressions("b@example.com") == ["UNSUBSCRIBE"]
    assert api.members() == ["a@example.com", "b@example.com", "c@example.com"]


def test_one_number_without_a_sending_number_refuses_the_whole_call(api: Api, single: str) -> None:
    rows = [subscribed("a@example.com"), subscribed("b@example.com", "+4915112345678")]
    answer = subscribe(api, *rows, to=single)
    assert (answer.status_code, pointers(answer)) == (400, [f"{PROFILES}/1/attributes/phone_number"])
    assert "not in a supported region" in first_error(answer)["detail"]
    assert api.person("a@example.com") is None
    api.control("account", {"sms_regions": ["DE"]})
    assert subscribe(api, *rows, to=single).status_code == 202


def test_every_problem_is_named_and_nothing_is_stored(api: Api) -> None:
    rows = [subscribed("a@example.com"), subscribed("nope"), {**subscribed("b@example.com"), "meta": {}}]
    answer = subscribe(api, *rows, to="nope", colour="red", custom_source=7, historical_import="no")
    assert (answer.status_code, pointers(answer)) == (
        400,
        [
            f"{PROFILES}/1/attributes/email",
            f"{PROFILES}/2/meta",
            "/data/attributes/colour",
            "/data/attributes/custom_source",
            "/data/attributes/historical_import",
            "/data/relationships/list/data/id",
        ],
    )
    assert api.get("/api/profiles").json()["data"] == []


def test_a_thousand_rows_are_taken_and_one_more_is_not(api: Api, single: str) -> None:
    rows = [subscribed(f"p{n}@example.com") for n in range(1_001)]
    assert pointers(subscribe(api, *rows, to=single)) == [PROFILES]
    assert subscribe(api, *rows[1:], to=single).status_code == 202
    assert len(api.members()) == 1_000


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/data/attributes/profiles"),
        ({"profiles": None}, "/data/attributes/profiles"),
        ({"profiles": {"data": []}}, PROFILES),
        ({"profiles": {"data": {}}}, PROFILES),
    ],
)
def test_a_body_of_another_shape_is_400(api: Api, body: object, pointer: str) -> None:
    answer = api.post(SUBSCRIBE, {"data": {"type": "profile-subscription-bulk-create-job", "attributes": body}})
    assert (answer.status_code, pointers(answer)) == (400, [pointer])


def test_a_list_of_another_shape_is_400(api: Api, single: str) -> None:
    body = bulk_body(SUBSCRIBE, [subscribed("a@example.com")], single)
    body["data"]["relationships"]["list"]["data"] = [{"type": "list", "id": single}]
    assert pointers(api.post(SUBSCRIBE, body)) == ["/data/relationships/list/data"]


def test_a_row_that_names_nobody_or_two_people_is_passed_over_without_a_word(api: Api, single: str) -> None:
    api.make_profile(email="a@example.com")
    api.make_profile(phone_number="+12025550123")
    rows = [subscribed("a@example.com", "+12025550123"), {**subscribed("c@example.com"), "id": "01X"}]
    assert subscribe(api, *rows, subscribed("d@example.com"), to=single).status_code == 202
    assert api.members() == ["d@example.com"]


def test_an_id_finds_the_person_and_the_address_is_written_down(api: Api, single: str) -> None:
    known = api.make_profile(external_id="x")
    subscribe(api, {**subscribed("a@example.com"), "id": known}, to=single)
    person = api.person("a@example.com")
    assert person is not None
    assert (person["id"], person["lists"]) == (known, ["VIP"])
