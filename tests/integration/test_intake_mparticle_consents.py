"""The consent that comes with mParticle's events, on a real server."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, cast

import pytest
from redis import Redis

from queues import keys, metrics
from queues.change import person_key
from queues.clock import now_ms
from queues.people import consents
from queues.server.connection import connect_async
from tests.integration.test_intake_mparticle import check_answer
from tests.support.intake import Intake
from tests.support.posted import PATH, QUEUE, message

AT = 1_714_592_744_065
MPID = person_key("mpid", "123456:42")
EMAIL = person_key("email", "ann@example.com")


def record(consented: bool, at: int | None = AT) -> dict[str, Any]:
    return {"consented": consented} | ({} if at is None else {"timestamp_unixtime_ms": at})


def events(state: Any = None, **more: Any) -> dict[str, Any]:
    identities = [{"type": "email", "encoding": "raw", "value": "Ann@Example.com"}]
    posted = {
        "mpid": "42",
        "user_identities": identities,
        "consent_state": state,
        "events": [{"type": "session_start"}],
    }
    return message("event_processing", **(posted | more))


def remembered(redis: Redis, *persons: str) -> list[dict[str, tuple[bool, int]]]:
    (found,) = consents.recall(redis, QUEUE.connection, [persons or (MPID, EMAIL)])
    return [dict(state) for state in found]


def test_a_consent_is_remembered_of_the_address_and_of_no_id(intake: Intake, redis: Redis) -> None:
    state = {
        "gdpr_consent_state": {"Newsletter": record(True)},
        "ccpa_consent_state": {"data_sale_opt_out": record(True)},
    }
    check_answer(intake.post(PATH, events(state)), "event_processing")
    expected = {"newsletter": (True, AT), "data_sale_opt_out": (False, AT)}
    assert remembered(redis, EMAIL) == [expected]
    assert remembered(redis, MPID) == [{}]
    (name,) = redis.keys("ferry:consents:*")
    assert 0 < redis.pttl(name) <= consents.REMEMBERED_MS


def test_without_an_address_it_is_remembered_of_the_ids(intake: Intake, redis: Redis) -> None:
    customer = [{"type": "customer", "encoding": "raw", "value": "c-1"}]
    intake.post(PATH, events({"gdpr": {"newsletter": record(True)}}, user_identities=customer))
    assert remembered(redis, MPID, person_key("external_id", "c-1")) == [{"newsletter": (True, AT)}] * 2


def test_of_ids_that_are_nobodys_it_is_not_remembered(intake: Intake, redis: Redis) -> None:
    for mpid in ("0", "-1", "null"):
        intake.post(PATH, events({"gdpr": {"newsletter": record(True)}}, mpid=mpid, user_identities=None))
    assert redis.keys("ferry:consents:*") == []


def test_an_id_that_many_people_use_keeps_so_many_of_their_other_keys(redis_url: str, redis: Redis) -> None:
    async def tell() -> None:
        async with connect_async(redis_url) as client:
            for number in range(310):
                known = [MPID, person_key("external_id", str(number))]
                await consents.remember(client, "default", known, {str(number): (True, AT)})

    asyncio.run(tell())
    fields = cast("dict[bytes, bytes]", redis.hgetall(keys.consents("default", MPID)))
    assert sum(value != b"" for value in fields.values()) == 310, "no decision is lost"
    assert sum(value == b"" for value in fields.values()) == 150


def test_a_decision_dated_in_the_future_gives_way_to_a_later_one(intake: Intake, redis: Redis) -> None:
    for consented, at in ((True, 9_999_999_999_999), (False, None)):
        intake.post(PATH, events({"gdpr": {"newsletter": record(consented, at)}}, timestamp_ms=None))
    ((agrees, _),) = remembered(redis, EMAIL)[0].values()
    assert agrees is False


def test_a_newer_decision_wins_in_whichever_order_they_come(intake: Intake, redis: Redis) -> None:
    for consented, at in ((True, AT), (False, AT + 2), (True, AT + 1)):
        intake.post(PATH, events({"gdpr_consent_state": {"newsletter": record(consented, at)}}))
    assert remembered(redis, EMAIL) == [{"newsletter": (False, AT + 2)}]


def test_a_notification_of_a_change_counts_as_the_consent_itself(intake: Intake, redis: Redis) -> None:
    notification = {
        "type": "gdpr_consent_state",
        "purpose": "Newsletter",
        "old_gdpr_consent_state": record(True, AT),
        "new_gdpr_consent_state": record(False, AT + 5),
    }
    intake.post(PATH, events(None, system_notifications=[notification, {"type": "other"}, 7]))
    assert remembered(redis, EMAIL) == [{"newsletter": (False, AT + 5)}]


def test_without_a_time_of_its_own_a_decision_has_that_of_the_message(intake: Intake, redis: Redis) -> None:
    intake.post(PATH, events({"gdpr": {"newsletter": record(True, None)}}, timestamp_ms=AT + 9))
    assert remembered(redis, EMAIL) == [{"newsletter": (True, AT + 9)}]


def test_a_message_whose_time_cannot_be_is_of_its_arrival_and_counted(intake: Intake, redis: Redis) -> None:
    before = now_ms()
    intake.post(PATH, events({"gdpr": {"newsletter": record(True, None)}}, timestamp_ms=AT // 1000))
    ((agrees, at),) = remembered(redis, EMAIL)[0].values()
    assert agrees is True
    assert before <= at <= now_ms()
    assert metrics.read(redis) == {(metrics.CLAMPED, "mparticle-123456", "mparticle"): 1}


@pytest.mark.parametrize(
    "posted",
    [
        events(),
        events({"gdpr_consent_state": {}}),
        events({"gdpr_consent_state": {"newsletter": {"consented": "yes"}}}),
        events({"gdpr_consent_state": {"newsletter": None}, "ccpa_consent_state": 7}),
        events([1]),
        events({"gdpr_consent_state": {"newsletter": record(True)}}, mpid=None, user_identities=None),
        message("event_processing"),
    ],
)
def test_what_says_nothing_of_anybody_is_answered_and_not_stored(
    intake: Intake, redis: Redis, caplog: pytest.LogCaptureFixture, posted: dict[str, Any]
) -> None:
    with caplog.at_level(logging.INFO, "intake"):
        check_answer(intake.post(PATH, posted), "event_processing")
    assert redis.keys() == []
    assert "event_processing_request: 1 without consent" in caplog.text
    assert "example.com" not in caplog.text
