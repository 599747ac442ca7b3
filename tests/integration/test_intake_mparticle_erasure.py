"""mParticle's requests to forget somebody, on a real server and ledger."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest
from redis import Redis

from queues import dead_letters, keys
from queues.change import Change, decode, person_key
from queues.names import Queue
from tests.integration.test_intake_mparticle import check_answer
from tests.support.intake import Intake
from tests.support.posted import PATH, QUEUE, membership, message

ERASURES = Queue(QUEUE.connection, "erasure", "erasures")


def request(identities: dict[str, Any] | None, **more: Any) -> dict[str, Any]:
    named = {} if identities is None else {"subject_identities": identities}
    return message("dsr_processing", subject_request_id="s-1", subject_request_type="erasure", **named, **more)


def stored(redis: Redis) -> list[Change]:
    waiting = cast("list[bytes]", redis.lrange(keys.queue(ERASURES, "pending"), 0, -1))
    return [decode(each) for each in waiting]


def test_an_erasure_waits_in_the_queue_of_its_own_and_is_due_at_once(intake: Intake, redis: Redis) -> None:
    identities = {
        "email": {"encoding": "raw", "value": "Ann@Example.com"},
        "customer": {"value": "c-1"},
        "android_advertising_id": None,
    }
    check_answer(intake.post(PATH, request(identities)), "dsr_processing")
    (change,) = stored(redis)
    assert change.body.action == "erase"
    assert json.loads(bytes(change.body.person)) == {
        "user_identities": [
            {"type": "email", "encoding": "raw", "value": "Ann@Example.com"},
            {"type": "customer", "encoding": "raw", "value": "c-1"},
        ]
    }
    assert redis.zscore(keys.partition(ERASURES.partition, "due"), str(ERASURES)) == 0


def test_an_erasure_goes_by_the_key_under_which_the_persons_changes_wait(intake: Intake, redis: Redis) -> None:
    intake.post(PATH, membership("ann@example.com"))
    (waiting,) = cast("list[bytes]", redis.lrange(keys.queue(QUEUE, "pending"), 0, -1))
    intake.post(PATH, request({"email": {"value": "ANN@example.com "}, "mpid": {"value": "-42"}}))
    (change,) = stored(redis)
    assert person_key("email", "ann@example.com") in change.keys
    assert json.loads(bytes(change.body.person))["mpid"] == "-42", "where a profile has it, too"
    assert set(change.keys) & set(decode(waiting).keys)


def test_no_encoding_and_the_one_called_none_lead_to_the_same_person(intake: Intake, redis: Redis) -> None:
    for encoding in ("raw", "none", "", None):
        intake.post(PATH, request({"customer": {"encoding": encoding, "value": "c-1"}}))
    assert len({change.keys for change in stored(redis)}) == 1


def test_a_repeated_request_is_stored_once(intake: Intake, redis: Redis) -> None:
    posted = request({"email": {"value": "ann@example.com"}})
    for _ in range(2):
        check_answer(intake.post(PATH, posted), "dsr_processing")
    assert len(stored(redis)) == 1


@pytest.mark.parametrize("identities", [None, {}, {"email": {"encoding": "raw"}}, {"email": None}])
def test_somebody_without_an_identity_is_a_dead_letter_that_says_so(
    intake: Intake, redis: Redis, identities: dict[str, Any] | None
) -> None:
    check_answer(intake.post(PATH, request(identities)), "dsr_processing")
    (letter,) = dead_letters.read(redis, ERASURES)
    assert letter.reason == "no_identity"
    assert stored(redis) == []


@pytest.mark.parametrize(
    ("posted", "problem"),
    [
        (
            request({"email": {"value": "a@b.co"}}) | {"subject_request_type": "access"},
            "$.subject_request_type: not era",
        ),
        (request({"email": {"value": 7}}), "$.subject_identities[...].value: Expected `str | null`, got `int`"),
        (request(cast("Any", ["a@b.co"])), "$.subject_identities: Expected `object | null`, got `array`"),
    ],
)
def test_what_cannot_be_carried_out_is_refused_and_not_answered_as_done(
    intake: Intake, redis: Redis, posted: dict[str, Any], problem: str
) -> None:
    answer = intake.post(PATH, posted)
    assert answer.status_code == 400
    assert problem in answer.text
    assert "a@b.co" not in answer.text
    assert redis.keys() == []
