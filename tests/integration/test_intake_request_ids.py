"""Every request has an id: in the answer, in the lines logged for it, and in changes that have no id of their own."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import pytest
from redis import Redis

from intake.changes import reading
from logs import log_ids
from queues import keys
from queues.change import decode
from queues.names import Queue
from tests.support import canaries as c
from tests.support.intake import Intake

GIVEN = "5b4f1bd0-9d8e-4f3b-a2c8-6e2d3f1a0b7c"
MADE = r"[0-9a-f]{16}"
QUEUE = Queue("default", "audience", "42")
ADDS = {"audience": {"id": "42"}, "changes": [{"action": "add", "email": "a@example.com"}]}


class Lines(logging.Handler):
    """What is logged, with the ids under way then."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[str, dict[str, str]]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.told.append((record.getMessage(), dict(log_ids.current())))


@contextmanager
def listening(name: str) -> Iterator[Lines]:
    lines, logger = Lines(), logging.getLogger(name)
    logger.addHandler(lines)
    logger.setLevel(logging.INFO)
    yield lines
    logger.setLevel(logging.NOTSET)
    logger.removeHandler(lines)


def messages(redis: Redis, queue: Queue = QUEUE) -> list[str]:
    """The message ids of what waits."""
    waiting = cast("list[bytes]", redis.lrange(keys.queue(queue, "pending"), 0, -1))
    return [decode(stored).body.message for stored in waiting]


def test_the_id_that_a_router_gave_is_answered_and_kept(redis: Redis, intake: Intake) -> None:
    answer = intake.post("/v1/changes", ADDS, X_Request_ID=GIVEN)
    assert answer.status_code == 202
    assert answer.headers["X-Request-ID"] == GIVEN
    assert messages(redis) == [GIVEN]


def test_without_one_a_new_one_is_made_for_each_request(redis: Redis, intake: Intake) -> None:
    made = [intake.post("/v1/changes", ADDS).headers["X-Request-ID"] for _ in range(2)]
    assert all(re.fullmatch(MADE, each) for each in made)
    assert made[0] != made[1]
    assert messages(redis) == made


@pytest.mark.parametrize("given", ["short", "x" * 65, c.ANN, c.E164, c.MPID, "a b c d e f", "semi;colon-123", ""])
def test_an_id_that_is_none_or_may_tell_of_a_person_is_replaced(redis: Redis, intake: Intake, given: str) -> None:
    answer = intake.post("/v1/changes", ADDS, X_Request_ID=given)
    assert re.fullmatch(MADE, answer.headers["X-Request-ID"])
    assert messages(redis) == [answer.headers["X-Request-ID"]]


def test_a_request_with_an_id_is_not_taken_for_a_repetition(redis: Redis, intake: Intake) -> None:
    answers = [intake.post("/v1/changes", ADDS, X_Request_ID=GIVEN).json() for _ in range(2)]
    assert [answer["repeated"] for answer in answers] == [False, False]
    assert messages(redis) == [GIVEN, GIVEN]


def test_the_sender_s_own_id_goes_before_that_of_the_request(redis: Redis, intake: Intake) -> None:
    for _ in range(2):
        intake.post("/v1/changes", ADDS, X_Request_ID=GIVEN, Idempotency_Key="import-17")
    assert messages(redis) == ["import-17"]


def test_mparticle_s_messages_without_an_id_have_that_of_the_request(redis: Redis, intake: Intake) -> None:
    person = {"mpid": "1", "user_identities": [{"type": "email", "encoding": "raw", "value": "a@example.com"}]}
    audiences = [{"audience_id": 42, "action": "add"}]
    message = {"type": "audience_membership_change_request", "user_profiles": [{**person, "audiences": audiences}]}
    for own in ({}, {"id": "m-17"}):
        answer = intake.post("/v1/mparticle", {**message, **own}, X_Request_ID=GIVEN)
        assert (answer.status_code, answer.headers["X-Request-ID"]) == (202, GIVEN)
    assert messages(redis) == [GIVEN, "m-17"]


@pytest.mark.parametrize(
    ("path", "token", "status"),
    [("/healthz", "", 200), ("/v1/changes", "", 401), ("/v1/nowhere", "0b5c4d3f7a1e4c66", 404)],
)
def test_requests_that_are_refused_or_need_no_token_have_one_too(
    intake: Intake, path: str, token: str, status: int
) -> None:
    answer = intake.get(path, token)
    assert answer.status_code == status
    assert re.fullmatch(MADE, answer.headers["X-Request-ID"])


def test_a_defect_is_logged_and_answered_with_the_id_of_its_request(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(reading, "read", broken)
    with listening("intake.http.errors") as lines:
        answers = [intake.post("/v1/changes", ADDS, X_Request_ID=f"{GIVEN}-{number}") for number in range(2)]
    assert [(each.status_code, each.headers["X-Request-ID"]) for each in answers] == [
        (500, f"{GIVEN}-0"),
        (500, f"{GIVEN}-1"),
    ]
    assert [ids for _, ids in lines.told] == [{"request": f"{GIVEN}-0"}, {"request": f"{GIVEN}-1"}]


def test_a_snapshot_is_told_with_the_request_that_brought_it(intake: Intake) -> None:
    with listening("intake.snapshots.staging") as lines:
        body = "email\na@example.com\n"
        answer = intake.put("/v1/audiences/42/members", body, X_Request_ID=GIVEN, Content_Type="text/csv")
    ((told, ids),) = lines.told
    assert answer.json()["snapshot"] in told
    assert ids == {"request": GIVEN}
