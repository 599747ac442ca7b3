"""`POST /v1/changes` on a real server and ledger."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest
from redis import Redis

from intake.http import limits
from queues import dead_letters, pending
from queues.names import Queue
from tests.support.intake import Intake, known, running
from tests.support.stored import stored

PATH = "/v1/changes"
QUEUE = Queue("default", "audience", "42")
ANN = {"action": "add", "email": "ann@example.com", "attributes": {"plan": "gold"}}
BOB = {"action": "remove", "external_id": "c-17"}
NDJSON = "application/x-ndjson"
WRONG_ACTION = "$.changes[1].action: Invalid enum value; it must be one of add, remove, update"


@pytest.fixture
def intake(redis_url: str) -> Iterator[Intake]:
    with running(known(redis_url)) as started:
        yield started


def request(*changes: Any) -> dict[str, Any]:
    return {"audience": {"id": "42", "name": "VIPs"}, "changes": list(changes)}


def test_changes_are_in_the_ledger_when_they_are_answered(intake: Intake, redis: Redis) -> None:
    response = intake.post(PATH, request(ANN, BOB))
    assert response.status_code == 202
    assert response.json() == {"accepted": 2, "rejected": [], "repeated": False}
    assert stored(redis, QUEUE) == [ANN, BOB]
    assert pending.audience(redis, QUEUE) == {"name": "VIPs", "settings": {}}


def test_rejected_changes_are_named_in_the_answer_and_kept_as_dead_letters(intake: Intake, redis: Redis) -> None:
    response = intake.post(PATH, request(ANN, {"action": "x"}, BOB, {"action": "add"}))
    assert response.status_code == 202
    assert response.json() == {
        "accepted": 2,
        "rejected": [
            {"index": 1, "reason": "malformed", "where": WRONG_ACTION},
            {
                "index": 3,
                "reason": "no_identity",
                "where": "$.changes[3]: give at least one of email, phone and external_id",
            },
        ],
        "repeated": False,
    }
    assert [letter.reason for letter in dead_letters.read(redis, QUEUE)] == ["malformed", "no_identity"]
    assert len(stored(redis, QUEUE)) == 2


def test_lines_are_changes_too(intake: Intake, redis: Redis) -> None:
    lines = [
        json.dumps(ANN | {"audience": {"id": "42", "name": "VIPs"}}),
        "",
        json.dumps(BOB | {"audience": {"id": "7", "name": "Seven"}}),
        '{"action": "add"',
    ]
    response = intake.post(PATH, "\r\n".join(lines), Content_Type=NDJSON + "; charset=utf-8")
    assert response.status_code == 202
    assert response.json()["accepted"] == 2
    (rejected,) = response.json()["rejected"]
    assert (rejected["index"], rejected["where"]) == (2, "line 4: Input data was truncated")
    assert (stored(redis, QUEUE), stored(redis, Queue("default", "audience", "7"))) == ([ANN], [BOB])


def test_lines_may_take_their_audience_from_the_address(intake: Intake, redis: Redis) -> None:
    response = intake.post(PATH + "?audience=42&name=V%20I%20Ps", json.dumps(ANN), Content_Type=NDJSON)
    assert response.json()["accepted"] == 1
    assert pending.audience(redis, QUEUE)["name"] == "V I Ps"


def test_one_bad_line_without_an_audience_does_not_keep_the_others_back(intake: Intake, redis: Redis) -> None:
    body = json.dumps(ANN) + "\n" + json.dumps(BOB | {"audience": {"id": "42"}})
    response = intake.post(PATH, body, Content_Type=NDJSON)
    assert (response.json()["accepted"], len(response.json()["rejected"])) == (1, 1)
    assert stored(redis, QUEUE) == [BOB]


def test_a_repeated_idempotency_key_is_answered_alike_and_stored_once(intake: Intake, redis: Redis) -> None:
    first = intake.post(PATH, request(ANN, {}), Idempotency_Key="k-1").json()
    second = intake.post(PATH, request(ANN, {}), Idempotency_Key="k-1").json()
    other = intake.post(PATH, request(ANN), Idempotency_Key="k-2").json()
    assert (first["repeated"], second["repeated"], other["repeated"]) == (False, True, False)
    assert first | {"repeated": True} == second
    assert len(stored(redis, QUEUE)) == 2
    assert len(list(dead_letters.read(redis, QUEUE))) == 1


def test_without_an_idempotency_key_nothing_is_taken_for_a_repetition(intake: Intake, redis: Redis) -> None:
    for _ in range(2):
        assert intake.post(PATH, request(ANN)).json()["repeated"] is False
    assert len(stored(redis, QUEUE)) == 2


def test_a_connection_may_be_named(intake: Intake, redis: Redis) -> None:
    assert intake.post(PATH + "?connection=mparticle-5", request(ANN)).status_code == 202
    assert stored(redis, Queue("mparticle-5", "audience", "42")) == [ANN]
    response = intake.post(PATH + "?connection=nowhere", request(ANN))
    assert response.status_code == 404
    assert "nowhere" in response.json()["error"]["description"]


@pytest.mark.parametrize("as_lines", [False, True])
def test_ten_thousand_changes_fit_and_one_more_does_not(intake: Intake, redis: Redis, as_lines: bool) -> None:
    def post(number: int) -> int:
        changes = [ANN] * number
        body = "\n".join(map(json.dumps, changes)) if as_lines else json.dumps(request(*changes))
        content_type = NDJSON if as_lines else "application/json"
        response = intake.post(PATH + "?audience=42", body, Content_Type=content_type)
        if response.status_code == 413:
            assert "10,000 changes" in response.json()["error"]["description"]
        return response.status_code

    assert limits.CHANGES == 10_000
    assert post(10_001) == 413
    assert redis.keys() == []
    assert post(10_000) == 202
    assert len(stored(redis, QUEUE)) == 10_000


def test_gzip_is_accepted(intake: Intake, redis: Redis) -> None:
    body = gzip.compress(json.dumps(request(ANN)).encode())
    two = gzip.compress(b'{"audience":{"id":"42"},"chan') + gzip.compress(b'ges":[]}')
    assert intake.post(PATH, body, Content_Encoding="GZIP").json()["accepted"] == 1
    assert intake.post(PATH, two, Content_Encoding="gzip").json()["accepted"] == 0
    assert stored(redis, QUEUE) == [ANN]


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b"", "$: Input data was truncated"),
        (b"[]", "$: Expected `object`, got `array`"),
        (b"{}", "$: Object missing required field `changes`"),
        (b'{"changes":{}}', "$.changes: Expected `array`, got `object`"),
        (b'{"changes":[],"audience":{}}', "$.audience: Object missing required field `id`"),
        (b'{"changes":[]', "$: Input data was truncated"),
        (b'{"changes":[]} x', "$: JSON is malformed: trailing characters (byte 16)"),
        (b'{"changes":[{"a":NaN}]}', "$: JSON is malformed: invalid character (byte 17)"),
        (b'{"changes":[{"a":"\x00"}]}', "$: JSON is malformed: invalid character (byte 18)"),
        (b'{"changes":[{"a":"\xff"}]}', "$: not UTF-8 (byte 18)"),
        (rb'{"changes":[{"a":"\ud80 and more"}]}', "$: JSON is malformed: invalid"),
        (b'{"changes":' + b"[" * 100_000, "$.changes[0][0][0][0]...: nested too deeply"),
    ],
)
def test_a_request_that_cannot_be_read_is_refused_naming_the_place(
    steady: Intake, redis: Redis, body: bytes, place: str
) -> None:
    response = steady.post(PATH, body)
    assert response.status_code == 400
    assert response.json()["error"]["description"].startswith(place)
    assert redis.keys() == []


@pytest.mark.parametrize(
    ("address", "headers", "place"),
    [
        ("?audience=", {}, "?audience=.id: Expected `str` of length >= 1"),
        ("?audience=" + "x" * 201, {}, "?audience=.id: Expected `str` of length <= 200"),
        ("?audience=1&name=" + "x" * 256, {}, "?audience=.name: Expected `str` of length <= 255"),
        ("", {"Idempotency_Key": "x" * 201}, "Idempotency-Key: longer than 200 characters"),
    ],
)
def test_what_stands_outside_the_body_has_limits_too(
    steady: Intake, address: str, headers: dict[str, str], place: str
) -> None:
    response = steady.post(PATH + address, request(ANN), **headers)
    assert response.status_code == 400
    assert response.json()["error"]["description"].startswith(place)


def test_a_query_that_is_no_text_does_no_harm(steady: Intake) -> None:
    head = b"POST /v1/changes?connection=\xff\xfe HTTP/1.1\r\nHost: x\r\nAuthorization: Token 0b5c4d3f7a1e4c66\r\n"
    answer = steady.raw(head + b"Content-Length: 2\r\n\r\n{}")
    assert answer.split(b" ")[1] == b"400"
