"""Who has left by their own wish, and when: a consent given before that subscribes nobody."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import responses

from klaviyo.errors import NotAccepted
from klaviyo.lookups import Field
from klaviyo.outcomes import UNEXPECTED
from tests.support.answered import client, sent_query

PROFILES = "https://a.klaviyo.com/api/profiles"
ANN, BOB = "ann@example.com", "bob@example.com"
EARLIER, LATER = "2026-02-03T04:05:06+00:00", "2026-02-04T04:05:06+00:00"
AT = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
EVER = datetime.max.replace(tzinfo=UTC)
STAYS: dict[str, Any] = {"consent": "SUBSCRIBED", "consent_timestamp": LATER, "last_updated": LATER}
CHANNELS: dict[Field, str] = {"email": "email", "phone_number": "sms"}


def profile(field: Field, value: str | None, marketing: dict[str, Any] | None) -> dict[str, Any]:
    """As Klaviyo tells of somebody by one channel, which has none of the other."""
    other = "sms" if field == "email" else "email"
    subscriptions = {CHANNELS[field]: {"marketing": marketing}, other: None}
    return {"type": "profile", "id": "P1", "attributes": {field: value, "subscriptions": subscriptions}}


def answer(*profiles: dict[str, Any], after: str | None = None) -> None:
    responses.get(PROFILES, json={"data": list(profiles), "links": {"next": after, "prev": None}})


def left(marketing: dict[str, Any] | None, field: Field = "email", value: str = ANN) -> dict[str, datetime]:
    answer(profile(field, value, marketing))
    return client().departures(field, [value], "L1")


@pytest.mark.parametrize(("field", "value"), [("email", "a+n@example.com"), ("phone_number", "+14155550132")])
@responses.activate
def test_whoever_unsubscribed_left_by_the_channel_that_is_asked_about(field: Field, value: str) -> None:
    told = {"consent": "UNSUBSCRIBED", "consent_timestamp": EARLIER, "last_updated": LATER}
    assert left(told, field, value) == {value: AT}
    assert sent_query() == {
        "filter": [f'any({field},["{value}"])'],
        "additional-fields[profile]": ["subscriptions"],
        "fields[profile]": [f"{field},subscriptions"],
        "page[size]": ["100"],
    }


@responses.activate
def test_whoever_left_by_the_other_channel_only_has_not_left() -> None:
    person = profile("phone_number", "+14155550132", {"consent": "UNSUBSCRIBED", "consent_timestamp": EARLIER})
    person["attributes"]["email"] = ANN
    answer(person)
    assert client().departures("email", [ANN], "L1") == {}


@pytest.mark.parametrize("reason", ["UNSUBSCRIBE", "SPAM_COMPLAINT", "USER_SUPPRESSED", "HARD_BOUNCE"])
@responses.activate
def test_whoever_is_suppressed_left_whatever_the_consent_says(reason: str) -> None:
    assert left(STAYS | {"suppression": [{"reason": reason, "timestamp": EARLIER}]}) == {ANN: AT}


@pytest.mark.parametrize(("list_id", "expected"), [("L1", {ANN: AT}), ("L2", {})])
@responses.activate
def test_whoever_left_a_list_left_this_one_only(list_id: str, expected: dict[str, datetime]) -> None:
    suppressed = {"list_id": list_id, "reason": "UNSUBSCRIBE", "timestamp": EARLIER}
    assert left(STAYS | {"list_suppressions": [suppressed]}) == expected


@responses.activate
def test_leaving_one_list_is_no_leaving_where_no_list_is_asked_about() -> None:
    suppressed = {"list_id": "L1", "reason": "UNSUBSCRIBE", "timestamp": EARLIER}
    answer(profile("email", ANN, STAYS | {"list_suppressions": [suppressed]}))
    assert client().departures("email", [ANN], None) == {}


@responses.activate
def test_of_several_departures_the_last_one_counts() -> None:
    times = [{"timestamp": "2026-02-01T00:00:00+00:00"}, {"timestamp": EARLIER}]
    told = {"consent": "UNSUBSCRIBED", "consent_timestamp": "2026-02-02T00:00:00+00:00", "suppression": times}
    assert left(told) == {ANN: AT}


@pytest.mark.parametrize(
    "told",
    [
        {"consent": "UNSUBSCRIBED"},
        {"consent": "UNSUBSCRIBED", "consent_timestamp": None, "last_updated": None},
        {"suppression": [{"reason": "UNSUBSCRIBE", "timestamp": EARLIER}, {"reason": "SPAM_COMPLAINT"}]},
        {"list_suppressions": [{"list_id": "L1", "timestamp": None}]},
    ],
)
@responses.activate
def test_a_departure_without_a_time_is_later_than_any_consent(told: dict[str, Any]) -> None:
    assert left(told) == {ANN: EVER}


@responses.activate
def test_without_the_time_of_the_unsubscribe_that_of_the_last_update_counts() -> None:
    assert left({"consent": "UNSUBSCRIBED", "last_updated": EARLIER}) == {ANN: AT}


#: The contract allows null for both.
NO_SUPPRESSION = {"suppression": None, "list_suppressions": None}


@pytest.mark.parametrize("told", [None, {}, STAYS, STAYS | NO_SUPPRESSION, {"consent": "NEVER_SUBSCRIBED"}])
@responses.activate
def test_whoever_stays_or_never_said_anything_has_not_left(told: dict[str, Any] | None) -> None:
    assert left(told) == {}


@responses.activate
def test_somebody_klaviyo_does_not_know_or_tells_nothing_of_has_not_left() -> None:
    answer({"type": "profile", "id": "P1", "attributes": {"email": BOB}}, profile("email", None, None))
    assert client().departures("email", [ANN, BOB], "L1") == {}


@responses.activate
def test_an_address_is_the_same_in_any_case_and_told_as_it_was_asked_for() -> None:
    answer(profile("email", "ann@Example.com", {"consent": "UNSUBSCRIBED", "consent_timestamp": EARLIER}))
    assert client().departures("email", ["Ann@example.COM"], "L1") == {"Ann@example.COM": AT}


@responses.activate
def test_a_hundred_are_asked_for_at_a_time_and_every_page_is_read() -> None:
    gone = {"consent": "UNSUBSCRIBED", "consent_timestamp": EARLIER}
    people = [f"p{number}@example.com" for number in range(101)]
    answer(profile("email", people[0], gone), after=f"{PROFILES}?page%5Bcursor%5D=b")
    answer(profile("email", people[99], gone), profile("email", people[1], STAYS))
    answer(profile("email", people[100], gone))
    assert client().departures("email", people, "L1") == dict.fromkeys((people[0], people[99], people[100]), AT)
    assert sent_query(1) == {"page[cursor]": ["b"]}
    assert sent_query(2)["filter"] == [f'any(email,["{people[100]}"])']


@responses.activate
def test_nobody_to_ask_about_is_no_request() -> None:
    assert client().departures("email", [], "L1") == {}
    assert len(responses.calls) == 0


@pytest.mark.parametrize(
    "told",
    [
        {"consent": 1},
        {"suppression": "UNSUBSCRIBE"},
        {"suppression": [{"timestamp": "yesterday"}]},
        {"consent": "UNSUBSCRIBED", "consent_timestamp": "2026-02-03T04:05:06"},
    ],
)
@responses.activate
def test_nobody_is_taken_to_have_stayed_by_an_answer_that_cannot_be_read(told: dict[str, Any]) -> None:
    with pytest.raises(NotAccepted) as refusal:
        left(told)
    assert refusal.value.outcome == UNEXPECTED
