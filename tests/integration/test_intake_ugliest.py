"""While the intake takes the ugliest message that its limits allow, everybody else is answered."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from redis import Redis

from intake.http import limits
from tests.support.intake import Intake, known, running

#: Other requests that are answered before a large one is, of each kind. They come one after the other, and none waits
#: for the large one: however slow the machine is, all of them take less.
OTHERS = 5
NDJSON = "application/x-ndjson"


@pytest.fixture
def intake(redis_url: str) -> Iterator[Intake]:
    with running(known(redis_url)) as started:
        yield started


def membership(*profiles: Any) -> bytes:
    return json.dumps({"type": "audience_membership_change_request", "user_profiles": profiles}).encode()


def people(count: int) -> list[dict[str, Any]]:
    attributes = {f"attribute_{number}": number for number in range(25)}
    return [{"action": "add", "email": f"p{n}@example.com", "attributes": attributes} for n in range(count)]


def in_audiences(number: int) -> dict[str, Any]:
    audiences = [{"audience_id": audience, "action": "add"} for audience in range(1_000)]
    return {"user_identities": [{"type": "email", "value": f"q{number}@example.com"}], "audiences": audiences}


UGLY: dict[str, Callable[[], tuple[str, bytes, int]]] = {
    "ten thousand changes": lambda: ("/v1/changes?audience=1", json.dumps({"changes": people(10_000)}).encode(), 202),
    "ten thousand lines": lambda: ("/v1/changes?audience=1", b"\n".join(map(_line, people(10_000))), 202),
    "fifty thousand memberships": lambda: ("/v1/mparticle", membership(*map(in_audiences, range(50))), 202),
    "ten thousand tracks": lambda: (
        "/v1/segment",
        json.dumps({"batch": [_track(number) for number in range(10_000)]}).encode(),
        200,
    ),
}  # fmt: skip


def _line(change: dict[str, Any]) -> bytes:
    return json.dumps(change).encode()


def _track(number: int) -> dict[str, Any]:
    properties = {"email": f"p{number}@example.com", "note": "x" * 100}
    return {
        "type": "track",
        "event": "Seen",
        "userId": f"u{number}",
        "messageId": f"{number}",
        "properties": properties,
    }


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("name", UGLY)
def test_others_are_answered_before_the_ugliest_message_is(
    intake: Intake, redis: Redis, name: str, packed: bool
) -> None:
    path, body, status = UGLY[name]()
    assert len(body) > limits.AT_ONCE
    headers = {"Content_Encoding": "gzip" if packed else "identity"}
    if path != "/v1/mparticle":
        headers["Content_Type"] = "application/x-ndjson" if name == "ten thousand lines" else "application/json"
    sent = gzip.compress(body, 1) if packed else body
    ended = threading.Event()
    answers: list[requests.Response] = []

    def send() -> None:
        answers.append(intake.post(path, sent, **headers))
        ended.set()

    ugly = threading.Thread(target=send)
    ugly.start()
    before = {"/healthz": 0, "/v1/changes": 0}
    try:
        while not ended.is_set():
            assert intake.get("/healthz").status_code == 200
            before["/healthz"] += not ended.is_set()
            small = {"audience": {"id": 2}, "changes": [{"action": "add", "email": "ann@example.com"}]}
            assert intake.post("/v1/changes", small).status_code == 202
            before["/v1/changes"] += not ended.is_set()
    finally:
        ugly.join()
    assert answers[0].status_code == status, answers[0].text
    assert min(before.values()) >= OTHERS, before


#: Each is made when it is sent: they are forty MB.
REFUSED: dict[str, tuple[Callable[[], bytes], int, str]] = {
    "profiles that are numbers": (
        lambda: membership(*[1] * 400_000),
        413,
        "$.user_profiles: 400,000 profiles; at most 10,000",
    ),
    "empty profiles": (
        lambda: b'{"type":"audience_membership_change_request","user_profiles":[%s{}]}' % (b"{}," * 3_400_000),
        413,
        "$: over 500,000 values",
    ),
    "names": (
        lambda: (
            b'{"type":"audience_membership_change_request",%s}' % b",".join(b'"n%d":1' % at for at in range(700_000))
        ),
        413,
        "$: over 500,000 values",
    ),
    "brackets": (
        lambda: b'{"type":"event_processing_request","x":' + b"[" * 10_000_000,
        400,
        "$.x[0][0][0][0]...: nested too",
    ),
    "a number": (
        lambda: b'{"type":"event_processing_request","x":{"ltv":1e999},"y":"%s"}' % (b"x" * 9_000_000),
        400,
        "$.x.ltv: a number of over 100 digits",
    ),
}


@pytest.mark.parametrize("line", [b"\n", b"  \r\n", b"{}\n"])
def test_lines_are_counted_before_any_is_read_although_they_are_blank(
    intake: Intake, redis: Redis, line: bytes
) -> None:
    body = line * (limits.LINES + 1) + b'{"x":1e999}'
    answer = intake.post("/v1/changes?audience=1", gzip.compress(body), Content_Encoding="gzip", Content_Type=NDJSON)
    assert (answer.status_code, "$: 100,001 lines; at most 100,000" in answer.text) == (413, True)
    assert redis.keys() == []
    blank = b"\n" * (limits.LINES - 1) + b'{"action":"add","email":"ann@example.com"}'
    assert intake.post("/v1/changes?audience=1", blank, Content_Type=NDJSON).json()["accepted"] == 1


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_beyond_the_limits_is_refused_with_its_place_and_nothing_of_it_is_stored(
    intake: Intake, redis: Redis, name: str
) -> None:
    made, status, description = REFUSED[name]
    body = made()
    assert len(body) < limits.BODY
    answer = intake.post("/v1/mparticle", body)
    assert (answer.status_code, answer.json()["error"]["description"][: len(description)]) == (status, description)
    assert "Nothing was accepted" in answer.json()["error"]["description"]
    assert redis.keys() == []
