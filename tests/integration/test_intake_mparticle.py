"""`POST /v1/mparticle` on a real server and ledger."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
import requests
from redis import Redis

from intake.mparticle.messages import TYPES
from queues import dead_letters, keys, pending
from queues.names import Queue
from tests.support.intake import Intake
from tests.support.posted import PATH, QUEUE, membership, message
from tests.support.stored import stored


def subscription(**more: Any) -> dict[str, Any]:
    return message("audience_subscription", audience_id=456, audience_name="VIPs", **{"action": "add"} | more)


def check_answer(response: requests.Response, kind: str, status: int = 200) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/json;charset=utf-8"
    posted: dict[str, Any] = response.json()
    assert posted["type"] == f"{kind}_response"
    assert uuid.UUID(posted["id"]).version == 4
    assert posted["firehose_version"] == "3.2.0"
    assert isinstance(posted["timestamp_ms"], int)
    return posted


def test_a_membership_change_is_in_the_ledger_when_it_is_answered(intake: Intake, redis: Redis) -> None:
    answer = check_answer(
        intake.post(PATH, membership("ann@example.com", "bob@example.com")), "audience_membership_change", 202
    )
    assert answer["suspend_subscription"] is False
    assert [each["user_identities"][0]["value"] for each in stored(redis)] == ["ann@example.com", "bob@example.com"]
    assert pending.audience(redis, QUEUE) == {"name": "VIPs", "settings": {}}


def test_a_repeated_message_is_answered_alike_and_stored_once(intake: Intake, redis: Redis) -> None:
    posted = membership("ann@example.com")
    first, second = (check_answer(intake.post(PATH, posted), "audience_membership_change", 202) for _ in range(2))
    assert first["id"] != second["id"]
    assert len(stored(redis)) == 1
    assert int(redis.hget(keys.queue(QUEUE), "accepted") or 0) == 1


def test_a_repetition_completes_a_message_that_was_cut_off(intake: Intake, redis: Redis) -> None:
    posted = membership("ann@example.com")
    other = Queue("mparticle-123456", "audience", "789")
    posted["user_profiles"][0]["audiences"].append({"audience_id": 789, "audience_name": "Others", "action": "delete"})
    whole = json.loads(json.dumps(posted))
    posted["user_profiles"][0]["audiences"].pop()
    intake.post(PATH, posted)
    intake.post(PATH, whole)
    assert (len(stored(redis)), len(stored(redis, other))) == (1, 1)


@pytest.mark.parametrize("profiles", [None, [], "left out"])
def test_a_keep_alive_is_answered_like_any_membership_message(intake: Intake, redis: Redis, profiles: Any) -> None:
    posted = message("audience_membership_change", user_profiles=profiles)
    if profiles == "left out":
        del posted["user_profiles"]
    check_answer(intake.post(PATH, posted), "audience_membership_change", 202)
    assert redis.keys() == []


def test_a_bad_profile_is_a_dead_letter_and_the_message_is_accepted(intake: Intake, redis: Redis) -> None:
    posted = membership("ann@example.com")
    posted["user_profiles"].append(membership("bob@example.com", action="replace")["user_profiles"][0])
    check_answer(intake.post(PATH, posted), "audience_membership_change", 202)
    (letter,) = dead_letters.read(redis, QUEUE)
    assert letter.reason == "malformed"
    assert letter.detail["detail"].startswith("$.user_profiles[1].audiences[0].action: ")
    assert len(stored(redis)) == 1


def test_a_subscription_is_remembered_and_its_settings_answered(intake: Intake, redis: Redis) -> None:
    settings = {"listName": "Our VIPs", "propertyMapping": '{"company":"organization"}'}
    answer = check_answer(
        intake.post(PATH, subscription(audience_subscription_settings=settings)), "audience_subscription"
    )
    assert answer["audience_subscription_settings"] == settings
    assert pending.audience(redis, QUEUE) == {"name": "VIPs", "settings": settings}
    assert stored(redis) == []


def test_a_subscription_without_settings_is_answered_without_settings(intake: Intake) -> None:
    answer = check_answer(intake.post(PATH, subscription()), "audience_subscription")
    assert "audience_subscription_settings" not in answer


def test_a_subscription_is_told_the_klaviyo_list_once_there_is_one(intake: Intake, redis: Redis) -> None:
    redis.hset(keys.queue(QUEUE), "list_id", "XyZ123")
    answer = check_answer(intake.post(PATH, subscription(action="update")), "audience_subscription")
    assert answer["audience_subscription_settings"] == {"klaviyoListId": "XyZ123"}


def test_an_audience_that_is_disconnected_is_remembered_as_such_and_keeps_its_changes(
    intake: Intake, redis: Redis
) -> None:
    intake.post(PATH, membership("ann@example.com"))
    check_answer(intake.post(PATH, subscription(action="remove")), "audience_subscription")
    assert pending.audience(redis, QUEUE) == {"name": "VIPs", "settings": {}, "action": "remove"}
    assert len(stored(redis)) == 1
    intake.post(PATH, membership("bob@example.com"))
    assert pending.audience(redis, QUEUE) == {"name": "VIPs", "settings": {}}, "changes come again"


@pytest.mark.parametrize("posted", [{"type": "module_registration_request"}, message("module_registration")])
def test_the_registration_needs_no_token(intake: Intake, posted: dict[str, Any]) -> None:
    answer = check_answer(intake.post(PATH, posted, token=""), "module_registration")
    assert answer["name"] == "Ferry for Klaviyo"
    assert check_answer(intake.post(PATH, posted), "module_registration")["name"] == "Ferry for Klaviyo"


@pytest.mark.parametrize("wrong", [{"type": "telepathy_request"}, {"type": None}, {}, {"type": "event_processing"}])
def test_an_unknown_type_is_refused_naming_the_known_ones(intake: Intake, wrong: dict[str, Any]) -> None:
    response = intake.post(PATH, message("x") | wrong if wrong else {"id": "x"})
    assert response.status_code == 400
    assert TYPES in response.json()["error"]["description"]
    assert "telepathy" not in response.text
