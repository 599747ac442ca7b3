from __future__ import annotations

from typing import Any

import pytest

from tests.support.emulator_api import SUBSCRIBE, Api, bulk_body, first_error, subscribed

QUERY = {"additional-fields[profile]": "subscriptions"}


@pytest.fixture
def list_id(api: Api) -> str:
    """A list with a@example.com, subscribed in 2020."""
    made = api.make_list(opt_in_process="single_opt_in")
    row = subscribed("a@example.com", "+12025550123", consented_at="2020-01-02T03:04:05Z")
    body = bulk_body(SUBSCRIBE, [row], made, historical_import=True, custom_source="Fair")
    api.post(SUBSCRIBE, body)
    return made


def read(api: Api, path: str, **query: str) -> dict[str, Any]:
    data = api.call("GET", path, params=query).json()["data"]
    attributes: dict[str, Any] = (data[0] if isinstance(data, list) else data)["attributes"]
    return attributes


def test_subscriptions_are_shown_where_they_are_asked_for(api: Api, list_id: str) -> None:
    email = read(api, "/api/profiles", filter='any(email,["a@example.com"])', **QUERY)["subscriptions"]["email"]
    marketing = email["marketing"]
    assert marketing.pop("last_updated") is not None
    assert marketing == {
        "can_receive_email_marketing": True,
        "consent": "SUBSCRIBED",
        "consent_timestamp": "2020-01-02T03:04:05+00:00",
        "method": "API",
        "method_detail": "",
        "custom_method_detail": "Fair",
        "double_optin": False,
        "suppression": [],
        "list_suppressions": [],
    }


def test_they_are_left_out_where_they_are_not_asked_for(api: Api, list_id: str) -> None:
    assert "subscriptions" not in read(api, "/api/profiles")


def test_they_are_shown_of_one_profile_and_of_members_too(api: Api, list_id: str) -> None:
    person = api.person("a@example.com")
    assert person is not None
    for path in (f"/api/profiles/{person['id']}", f"/api/lists/{list_id}/profiles"):
        assert read(api, path, **QUERY)["subscriptions"] == person["subscriptions"]


def test_who_never_said_anything_may_get_mail_and_no_sms(api: Api) -> None:
    api.make_profile(email="b@example.com", phone_number="+12025550123")
    shown = read(api, "/api/profiles", **QUERY)["subscriptions"]
    assert shown["email"]["marketing"]["consent"] == shown["sms"]["marketing"]["consent"] == "NEVER_SUBSCRIBED"
    assert shown["email"]["marketing"]["can_receive_email_marketing"] is True
    assert shown["sms"]["marketing"]["can_receive_sms_marketing"] is False


def test_who_is_suppressed_may_get_no_mail_and_it_is_told_why_and_since_when(api: Api, list_id: str) -> None:
    api.control("suppress/a@example.com", {"reason": "HARD_BOUNCE"})
    marketing = read(api, "/api/profiles", **QUERY)["subscriptions"]["email"]["marketing"]
    assert marketing["can_receive_email_marketing"] is False
    assert [set(suppression) for suppression in marketing["suppression"]] == [{"reason", "timestamp"}]


def test_another_additional_field_is_400_and_named(api: Api, list_id: str) -> None:
    name = "additional-fields[profile]"
    answer = api.call("GET", "/api/profiles", params={name: "subscriptions,horoscope"})
    assert (answer.status_code, first_error(answer)["source"]) == (400, {"parameter": name})


def test_a_reset_forgets_consents_events_traps_and_settings(api: Api) -> None:
    api.control("account", {"sms_regions": [], "opt_in_process": "single_opt_in"})
    api.control("reset")
    made = api.make_list()
    assert read(api, f"/api/lists/{made}")["opt_in_process"] == "double_opt_in"
    body = bulk_body(SUBSCRIBE, [subscribed(phone_number="+12025550123")], made)
    assert api.post(SUBSCRIBE, body).status_code == 202
    assert (api.events(), api.traps()) == ([], [])


@pytest.mark.parametrize(
    ("path", "order", "status"),
    [
        ("account", {"regions": ["US"]}, 400),
        ("account", {"opt_in_process": "none"}, 400),
        ("suppress/a@example.com", {"reason": "BOREDOM"}, 400),
        ("suppress/nope@example.com", {"reason": "HARD_BOUNCE"}, 404),
        ("confirm/nope@example.com", None, 404),
    ],
)
def test_an_order_that_cannot_be_done_is_refused_with_a_reason(
    api: Api, list_id: str, path: str, order: object, status: int
) -> None:
    answer = api.call("POST", f"/_emulator/{path}", json=order)
    assert answer.status_code == status
    assert answer.json()["error"]
