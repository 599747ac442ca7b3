"""A value of a wrong type in any place of a message costs at most the message: never a defect, and never for ever.

A sender repeats what is answered with a 5xx, so that one such message would come again and again.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis import Redis

from tests.support.intake import TOKEN, Intake
from tests.support.posted import PATH, message

RECORD = {"consented": True, "timestamp_unixtime_ms": 1_714_592_744_065, "document": "d"}
IDENTITIES = [{"type": "email", "encoding": "raw", "value": "ann@example.com"}]
AUDIENCE = {
    "audience_id": 42,
    "audience_name": "VIPs",
    "action": "add",
    "audience_subscription_settings": {"listId": "AbC", "consentMapping": "{}"},
    "user_attributes": [{"$firstname": "Ann", "tags": ["a", 1]}],
}
PERSONAS = {"computation_class": "audience", "computation_key": "vips", "computation_id": "aud_1"}
PERSON = {"email": "ann@example.com", "phone": "+14155552671", "address": {"city": "Oslo", "country": "NO"}}
PRODUCTS = [{"product_id": "p-1", "price": 12.5, "quantity": 1}]
#: Every kind of message, with everything in it that Ferry reads.
MPARTICLE: list[dict[str, Any]] = [
    message(
        "audience_membership_change",
        user_profiles=[{"mpid": "1", "user_identities": IDENTITIES, "audiences": [AUDIENCE]}],
    ),
    message(
        "event_processing",
        mpid="1",
        user_identities=IDENTITIES,
        consent_state={"gdpr_consent_state": {"a": RECORD}, "ccpa_consent_state": {"data_sale_opt_out": RECORD}},
        system_notifications=[
            {"type": "gdpr_consent_state", "purpose": "a", "new_gdpr_consent_state": RECORD},
            {"type": "ccpa_consent_state", "purpose": "data_sale_opt_out", "new_ccpa_consent_state": RECORD},
        ],
    ),
    message("audience_subscription", audience_id=42, audience_name="VIPs", action="add")
    | {"audience_subscription_settings": {"listName": "VIPs"}},
    message("dsr_processing", subject_request_type="erasure", subject_request_id="r")
    | {"subject_identities": {"email": IDENTITIES[0], "mpid": {"encoding": "raw", "value": "1"}}},
    message("module_registration"),
]
COMMON: dict[str, Any] = {
    "messageId": "m",
    "userId": "u-1",
    "anonymousId": "a-1",
    "timestamp": "2026-01-01T00:00:00Z",
    "context": {"traits": PERSON, "personas": PERSONAS | {"audience_settings": {"listId": "AbC"}}},
    "integrations": {"All": True, "Klaviyo": {}},
    "traits": PERSON | {"vips": True},
}
SEGMENT: list[dict[str, Any]] = [
    COMMON | {"type": "identify"},
    COMMON | {"type": "group", "groupId": "g-1"},
    COMMON | {"type": "delete"},
    COMMON | {"type": "track", "event": "Audience Entered", "properties": PERSON},
    COMMON | {"type": "track", "event": "User Subscribed", "properties": PERSON | {"list": "AbC", "source": "s"}},
    COMMON | {"type": "track", "event": "User Unsubscribed", "properties": PERSON | {"list": "AbC"}},
    COMMON
    | {
        "type": "track",
        "event": "Order Completed",
        "properties": {"order_id": "o", "revenue": 1, "products": PRODUCTS},
    },
    COMMON | {"type": "page", "name": "Home"},
    {"batch": [COMMON | {"type": "identify"}], "context": {"ip": "1.2.3.4"}, "integrations": {"All": True}},
]
CHANGES: list[dict[str, Any]] = [
    {
        "audience": {"id": 42, "name": "VIPs"},
        "changes": [
            {
                "action": "add",
                "email": "ann@example.com",
                "phone": "+14155552671",
                "external_id": "x",
                "attributes": {"country": "NO", "tags": ["a"]},
                "consent_state": {"gdpr": {"a": RECORD}},
                "timestamp": "2026-01-01T00:00:00Z",
                "audience": {"id": "42", "name": "VIPs"},
            }
        ],
    }
]
CAMPAIGNS: list[dict[str, Any]] = [
    {
        "name": "Summer",
        "groups": [{"name": "A", "members": [{"email": "ann@example.com", "attributes": {"a": 1}}]}],
        "connection": "default",
        "exclusions": [{"email": "bob@example.com", "phone": "+14155552671", "external_id": "7"}],
        "attributes": ["a"],
        "lists": "per_group",
        "list_name": "{{ campaign_name }} {{ group_name }}",
        "launch_at": "2026-01-01T00:00:00Z",
        "confirm": True,
    }
]
SOUND = {PATH: MPARTICLE, "/v1/segment": SEGMENT, "/v1/changes": CHANGES, "/v1/campaigns": CAMPAIGNS}
WRONG: list[Any] = [None, True, 0, -1, 1.5, 2**70, "", " ", "x", "\x00", [], [[]], [None], {}, {"a": {}}, {"": [1]}]
_Path = tuple[str | int, ...]


def places(value: Any, path: _Path = ()) -> Iterator[_Path]:
    """Every place of a message, its own included."""
    yield path
    within = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in within:
        yield from places(each, (*path, key))


def put(message: Any, path: _Path, wrong: Any) -> Any:
    """The message with something else in that place."""
    if not path:
        return wrong
    found = copy.deepcopy(message)
    parent = found
    for key in path[:-1]:
        parent = parent[key]
    parent[path[-1]] = wrong
    return found


ALL = [(address, each, place) for address, some in SOUND.items() for each in some for place in places(each)]


@pytest.mark.parametrize("address", SOUND)
def test_every_sound_message_is_taken(steady: Intake, redis: Redis, address: str) -> None:
    for each in SOUND[address]:
        response = steady.post(address, each)
        assert response.status_code in (200, 202), response.text
        assert not response.json().get("rejected")


@pytest.mark.parametrize("address", SOUND)
def test_a_wrong_value_in_any_place_is_taken_or_refused_and_no_defect(
    steady: Intake, redis: Redis, address: str
) -> None:
    # Some thousand requests: on one plain connection they take a third less.
    headers = {"Authorization": f"Token {TOKEN}", "Content-Type": "application/json"}
    with closing(HTTPConnection("127.0.0.1", steady.port, timeout=30)) as connection:
        for known, each, place in ALL:
            for wrong in WRONG if known == address else ():
                connection.request("POST", address, json.dumps(put(each, place, wrong)), headers)
                with connection.getresponse() as response:
                    text = response.read()
                assert response.status in (200, 202, 400, 404), (place, wrong, text)


ANYTHING = st.recursive(
    st.sampled_from(WRONG) | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=100)
@given(st.sampled_from(ALL), ANYTHING, st.sampled_from(ALL), ANYTHING)
def test_wrong_values_in_two_places_are_no_defect_either(
    steady: Intake, first: tuple[str, Any, _Path], wrong: Any, second: tuple[str, Any, _Path], other: Any
) -> None:
    address, each, place = first
    posted = put(each, place, wrong)
    if second[1] is each and place[: len(second[2])] != second[2] and second[2][: len(place)] != place:
        posted = put(posted, second[2], other)
    assert steady.post(address, posted).status_code in (200, 202, 400, 404)


@pytest.mark.parametrize("purpose", [["a"], {"a": 1}, 5, None, True, "", "x" * 300])
def test_a_notification_with_a_purpose_that_is_none_says_nothing_and_the_others_are_remembered(
    steady: Intake, redis: Redis, purpose: Any
) -> None:
    told = {"type": "gdpr_consent_state", "new_gdpr_consent_state": RECORD}
    posted = message("event_processing", mpid="1", user_identities=IDENTITIES)
    posted["system_notifications"] = [told | {"purpose": purpose}, told | {"purpose": "newsletter"}]
    assert [steady.post(PATH, posted).status_code for _ in range(2)] == [200, 200]
    (name,) = redis.keys("ferry:consents:*")
    assert b"newsletter" in b"".join(cast("dict[bytes, bytes]", redis.hgetall(name)))
