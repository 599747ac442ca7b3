from __future__ import annotations

import logging
from typing import Any

import pytest
import requests

from tests.support.emulator_api import SUBSCRIBE, UNSUBSCRIBE, Api, bulk_body, pointers, row, subscribed, unsubscribed

PROFILES = "/data/attributes/profiles/data"
PHONE = "+12025550123"


@pytest.fixture
def lists(api: Api) -> dict[str, str]:
    """Two lists with a@example.com, subscribed, on both, and b@example.com on none."""
    ids = {name: api.make_list(name, opt_in_process="single_opt_in") for name in ("VIP", "Other")}
    for list_id in ids.values():
        api.post(SUBSCRIBE, bulk_body(SUBSCRIBE, [subscribed("a@example.com", PHONE)], list_id))
    api.make_profile(email="b@example.com")
    return ids


def unsubscribe(api: Api, *rows: dict[str, Any], of: str | None = None) -> requests.Response:
    return api.post(UNSUBSCRIBE, bulk_body(UNSUBSCRIBE, list(rows), of))


def test_a_member_leaves_that_list_and_keeps_every_other_consent(api: Api, lists: dict[str, str]) -> None:
    answer = unsubscribe(api, unsubscribed("a@example.com"), of=lists["VIP"])
    person = api.person("a@example.com")
    assert (answer.status_code, answer.content) == (202, b"")
    assert person is not None
    assert person["lists"] == ["Other"]
    email = person["subscriptions"]["email"]["marketing"]
    assert (email["consent"], email["suppression"]) == ("SUBSCRIBED", [])
    (suppression,) = email["list_suppressions"]
    assert (suppression["list_id"], suppression["reason"]) == (lists["VIP"], "UNSUBSCRIBE")
    assert api.traps() == []


def test_leaving_a_list_by_sms_says_nothing_about_its_mail(api: Api, lists: dict[str, str]) -> None:
    unsubscribe(api, unsubscribed(phone_number=PHONE), of=lists["VIP"])
    person = api.person(PHONE)
    assert person is not None
    assert person["lists"] == ["Other"]
    assert person["subscriptions"]["email"]["marketing"]["list_suppressions"] == []


def test_who_is_no_longer_tracked_stays_on_the_list_and_subscribed(api: Api, lists: dict[str, str]) -> None:
    for consent, path in (("SUBSCRIBED", SUBSCRIBE), ("UNSUBSCRIBED", UNSUBSCRIBE)):
        tracking = {name: {"consent": consent} for name in ("open_tracking", "click_tracking")}
        profile = row(email="a@example.com", subscriptions={"email": tracking})
        answer = api.post(path, bulk_body(path, [profile], lists["VIP"]))
        assert answer.status_code == 202
        person = api.person("a@example.com")
        assert person is not None
        email = person["subscriptions"]["email"]
        assert [email[name]["consent"] for name in tracking] == [consent] * 2
        assert email["open_tracking"]["can_receive"] is (consent == "SUBSCRIBED")
        assert (person["lists"], api.consent("a@example.com")) == (["VIP", "Other"], "SUBSCRIBED")
    assert api.suppressions("a@example.com") == []
    assert api.traps() == []


def test_subscribing_to_the_list_again_takes_its_suppression_back(api: Api, lists: dict[str, str]) -> None:
    unsubscribe(api, unsubscribed("a@example.com"), of=lists["VIP"])
    api.post(SUBSCRIBE, bulk_body(SUBSCRIBE, [subscribed("a@example.com")], lists["VIP"]))
    person = api.person("a@example.com")
    assert person is not None
    assert person["lists"] == ["VIP", "Other"]
    assert person["subscriptions"]["email"]["marketing"]["list_suppressions"] == []


def test_who_is_not_on_the_list_is_unsubscribed_from_everything_and_it_is_noted_loudly(
    api: Api, lists: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    outside = api.make_list("Outside")
    with caplog.at_level(logging.WARNING, "emulator.journal"):
        assert unsubscribe(api, unsubscribed("a@example.com", PHONE), of=outside).status_code == 202
    person = api.person("a@example.com")
    assert person is not None
    assert api.consent("a@example.com") == api.consent("a@example.com", "sms") == "UNSUBSCRIBED"
    assert api.suppressions("a@example.com") == ["UNSUBSCRIBE"]
    assert person["subscriptions"]["email"]["marketing"]["can_receive_email_marketing"] is False
    assert person["lists"] == ["VIP", "Other"]
    (trap,) = api.traps()
    assert (trap["profile_id"], trap["list_id"]) == (person["id"], outside)
    assert trap["channels"] == ["email.marketing", "sms.marketing"]
    (message,) = [record.getMessage() for record in caplog.records]
    assert message.startswith(f"TRAP: profile {person['id']} is not on list {outside}")
    assert "example.com" not in message


def test_without_a_list_everything_is_meant_and_no_trap(api: Api, lists: dict[str, str]) -> None:
    unsubscribe(api, unsubscribed("a@example.com"))
    assert api.consent("a@example.com") == "UNSUBSCRIBED"
    assert api.consent("a@example.com", "sms") == "SUBSCRIBED"
    assert api.traps() == []


def test_one_call_does_each_to_whom_it_concerns(api: Api, lists: dict[str, str]) -> None:
    unsubscribe(api, *(unsubscribed(f"{name}@example.com") for name in "abc"), of=lists["VIP"])
    assert [api.consent(f"{name}@example.com") for name in "ab"] == ["SUBSCRIBED", "UNSUBSCRIBED"]
    assert len(api.traps()) == 1


def test_address_and_number_of_two_people_concern_both(api: Api, lists: dict[str, str]) -> None:
    unsubscribe(api, unsubscribed("b@example.com", PHONE))
    assert (api.consent("b@example.com"), api.consent("b@example.com", "sms")) == ("UNSUBSCRIBED", "NEVER_SUBSCRIBED")
    assert (api.consent("a@example.com"), api.consent("a@example.com", "sms")) == ("SUBSCRIBED", "UNSUBSCRIBED")


def test_an_unknown_person_stays_unknown(api: Api, lists: dict[str, str]) -> None:
    assert unsubscribe(api, unsubscribed("new@example.com"), of=lists["VIP"]).status_code == 202
    assert api.person("new@example.com") is None
    assert api.traps() == []


def test_transactional_sms_can_be_taken_back_too(api: Api, lists: dict[str, str]) -> None:
    both = {kind: {"consent": "UNSUBSCRIBED"} for kind in ("marketing", "transactional")}
    unsubscribe(api, row(phone_number=PHONE, subscriptions={"sms": both}))
    person = api.person(PHONE)
    assert person is not None
    sms = person["subscriptions"]["sms"]
    assert [sms[kind]["consent"] for kind in both] == ["UNSUBSCRIBED", "UNSUBSCRIBED"]


def test_a_hundred_rows_are_taken_and_one_more_is_not(api: Api, lists: dict[str, str]) -> None:
    rows = [unsubscribed(f"p{n}@example.com") for n in range(101)]
    assert pointers(unsubscribe(api, *rows)) == [PROFILES]
    assert unsubscribe(api, *rows[1:]).status_code == 202


def test_a_bad_row_or_list_or_a_stranger_in_the_head_refuses_all(api: Api, lists: dict[str, str]) -> None:
    rows = [unsubscribed("a@example.com"), subscribed("b@example.com")]
    body = bulk_body(UNSUBSCRIBE, rows, "nope", custom_source="x")
    assert pointers(api.post(UNSUBSCRIBE, body)) == [
        f"{PROFILES}/1/attributes/subscriptions/email/marketing/consent",
        "/data/attributes/custom_source",
        "/data/relationships/list/data/id",
    ]
    assert api.consent("a@example.com") == "SUBSCRIBED"
