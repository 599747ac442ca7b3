"""The tracking API takes what each library of Segment and RudderStack puts on the wire, and answers as it expects."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from typing import Any, cast

import pytest
import requests
from redis import Redis

from configuration.connections import Connection, Connections
from configuration.senders import Sender
from configuration.settings import Settings
from mappings.segment import settings as segment_settings
from queues import dead_letters, keys
from queues.change import decode
from queues.names import Queue
from tests.support.canaries import values
from tests.support.intake import Intake, running
from tests.support.segment import message
from tests.support.segment_docs import lines_of
from tests.support.tracking import LIBRARIES, PAGE, basic

KEY = "a write key of the website"
PROFILES = Queue("default", "profile", "profiles")
EVENTS = Queue("default", "event", "events")
UNREADABLE = Queue("default", "audience", "unreadable")
TYPES = ("identify", "track", "group", "page", "screen", "alias")
#: An address of the tracking API -> the type that it gives, as Segment's pages list them.
GIVEN = {
    **{f"/v1/{kind}{slash}": kind for kind in TYPES for slash in ("", "/")},
    **{f"/v1/{kind[0]}{slash}": kind for kind in TYPES for slash in ("", "/")},
}
BATCHES = [f"/v1/{call}{slash}" for call in ("batch", "import", "b") for slash in ("", "/")]
ANN = message("identify", userId="u-17", traits={"email": "ann@example.com", "firstName": "Ann"})
PLAYED = message("track", messageId="m-2", userId="u-17", event="Played", properties={"level": 3})


def _sees_types() -> Connection:
    """A connection that stores of each message which type it had."""
    actions = [{"action": "upsert_profile", "trigger": f'type = "{kind}"', "fields": {"title": kind}} for kind in TYPES]
    return Connection("types", actions=segment_settings.read(actions))


@pytest.fixture(scope="module")
def served(redis_server: str) -> Iterator[Intake]:
    known = Connections({"default": Connection("default"), "types": _sees_types()})
    sender = Sender("website", (KEY,), routes=frozenset({"segment"}), allowed_origins=frozenset({PAGE}))
    with running(Settings(redis_server, known, senders=(sender,))) as intake:
        yield intake


@pytest.fixture
def tracked(served: Intake, redis: Redis) -> Intake:
    """It, with nothing stored."""
    assert redis.ping()
    return served


def stored(redis: Redis, queue: Queue) -> list[dict[str, Any]]:
    changes = [decode(cast("bytes", each)) for each in redis.lrange(keys.queue(queue, "pending"), 0, -1)]
    return [json.loads(bytes(change.body.person)) for change in changes]


def post(intake: Intake, path: str, body: Any, **headers: str) -> requests.Response:
    return intake.post(path, body, "", Authorization=basic(KEY), **headers)


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_library_works_when_only_its_host_and_write_key_are_set(tracked: Intake, redis: Redis, library: str) -> None:
    form = LIBRARIES[library]
    sent = [form.posted(KEY, ANN, PLAYED)] if form.batches else [form.posted(KEY, ANN), form.posted(KEY, PLAYED)]
    for posted in sent:
        answer = posted.send(tracked)
        assert (answer.status_code, answer.json()["success"]) == (200, True), answer.text
        assert answer.json()["accepted"] == 2 / len(sent)
    (ann,) = stored(redis, PROFILES)
    assert (ann["email"], ann["first_name"], ann["user_id"]) == ("ann@example.com", "Ann", "u-17")
    (played,) = stored(redis, EVENTS)
    assert (played["metric"], played["properties"]) == ("Played", {"level": 3})


@pytest.mark.parametrize("library", LIBRARIES)
def test_what_a_library_repeats_is_stored_once(tracked: Intake, redis: Redis, library: str) -> None:
    posted = LIBRARIES[library].posted(KEY, ANN)
    answers = [posted.send(tracked).json() for _ in range(3)]
    assert answers == [answers[0]] * 3
    assert post(tracked, "/v1/segment", ANN).json()["accepted"] == 1
    assert len(stored(redis, PROFILES)) == 1, "also at another address"


@pytest.mark.parametrize("own", [{}, {"type": "delete"}, {"type": "page"}, {"type": 5}, {"type": None}])
@pytest.mark.parametrize("path", GIVEN)
def test_the_address_gives_the_type_whatever_the_message_says(
    tracked: Intake, redis: Redis, path: str, own: dict[str, Any]
) -> None:
    sent = {"messageId": "m", "userId": "u", "traits": {"email": "ann@example.com"}, **own}
    for body in (sent, {"batch": [sent | {"messageId": "m-2"}]}):
        answer = post(tracked, f"{path}?connection=types", body)
        assert answer.json() == {"success": True, "accepted": 1, "unmapped": 0, "dead": 0}
    titles = [each["title"] for each in stored(redis, Queue("types", "profile", "profiles"))]
    assert titles == [GIVEN[path]] * 2


@pytest.mark.parametrize("path", BATCHES)
def test_each_message_of_a_batch_has_its_own_type(tracked: Intake, redis: Redis, path: str) -> None:
    batch = [message(kind, messageId=kind) for kind in TYPES]
    answer = post(tracked, f"{path}?connection=types", {"batch": [*batch, {"userId": "u"}]})
    assert answer.json() == {"success": True, "accepted": 6, "unmapped": 0, "dead": 1}
    titles = [each["title"] for each in stored(redis, Queue("types", "profile", "profiles"))]
    assert titles == list(TYPES)
    alone = post(tracked, f"{path}?connection=types", message("screen", messageId="alone"))
    assert alone.json()["accepted"] == 1, "a message without a batch around it"


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("/v1/batch", b"{", 400, "$: "),
        ("/v1/t", b"[]", 400, "$: "),
        ("/v1/batch", b'{"batch":[],"batch":[]}', 400, "$.batch: "),
        ("/v1/batch", b'{"batch":[],"writeKey":"a","writeKey":"b"}', 400, "$.writeKey: "),
        ("/v1/batch", {"batch": 5}, 400, "$.batch: "),
        ("/v1/batch", {"batch": [{}], "context": 5}, 400, "$.context: "),
        ("/v1/import/", {"batch": [message("page")] * 10_001}, 413, "10,000 messages"),
        ("/v1/track", b" " * (10 * 1024 * 1024 + 1), 413, "10,485,760 bytes"),
        ("/v1/track?conection=types", {}, 400, "conection"),
        ("/v1/track?connection=nowhere", {}, 404, "known: default, types"),
    ],
)
def test_a_refusal_has_code_and_message_where_the_libraries_look(
    tracked: Intake, redis: Redis, path: str, body: Any, status: int, words: str
) -> None:
    answer = post(tracked, path, body)
    told = answer.json()
    assert (answer.status_code, set(told)) == (status, {"code", "message", "error"})
    names = {400: "bad_request", 404: "not_found", 413: "content_too_large"}
    assert told["code"] == names[status]
    assert words in told["message"]
    assert told["message"] == f"{told['error']['title']}. {told['error']['description']}"
    assert redis.keys() == []


@pytest.mark.parametrize("path", ["/v1/batch", "/v1/t"])
def test_a_name_twice_in_a_message_affects_this_message_alone(tracked: Intake, redis: Redis, path: str) -> None:
    twice = b'{"type":"track","userId":"u","event":"a","event":"b","writeKey":"%s"}' % KEY.encode()
    good = json.dumps(PLAYED).encode()
    answer = post(tracked, path, b'{"batch":[%s,%s]}' % (twice, good))
    assert answer.json() == {"success": True, "accepted": 1, "unmapped": 0, "dead": 1}
    (letter,) = dead_letters.read(redis, UNREADABLE)
    assert letter.detail["detail"].startswith("$.batch[0].event: ")


def test_the_write_key_is_stored_nowhere(tracked: Intake, redis: Redis) -> None:
    message_id = {"messageId": "x" * 500}
    for broken in (message_id, {"messageId": "m", "traits": "none"}, {"messageId": "m-3", "userId": {}}, {"type": 5}):
        for library in ("analytics.js", "analytics.js, batching", "segment-kotlin", "segment-python"):
            sent = {**PLAYED, "writeKey": KEY, **broken}
            if not LIBRARIES[library].batches:
                sent["type"] = "track"
            assert LIBRARIES[library].posted(KEY, sent).send(tracked).status_code == 200
    found = [value for key in cast("list[bytes]", redis.keys()) for value in values(redis, key.decode())]
    assert any(b"Played" in each for each in found)
    assert not any(KEY.encode() in each for each in found)
    assert dead_letters.read(redis, UNREADABLE), "unreadable ones were among them"


@pytest.mark.parametrize("path", ["/v1/m", "/v1/m/"])
@pytest.mark.parametrize("body", [b'{"series":[{"type":"Counter","metric":"analytics_js.invoke"}]}', b"", b"\xff"])
def test_what_libraries_report_of_themselves_is_answered_and_not_stored(
    tracked: Intake, redis: Redis, path: str, body: bytes
) -> None:
    answer = tracked.post(path, body, "", Content_Type="text/plain", Origin=PAGE)
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE
    assert tracked.get(path).status_code == 405
    assert redis.keys() == []


def test_the_line_of_the_guide_that_needs_no_library_works(tracked: Intake, redis: Redis) -> None:
    (line,) = re.findall(r"`([^`]+)`", lines_of("Segment, HTTP")[1])
    env = {"PORT": str(tracked.port), "TOKEN": KEY, "PATH": "/usr/bin:/bin"}
    command = ["bash", "-ec", line]
    ran = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(ran.stdout)["accepted"] == 1
    (ann,) = stored(redis, PROFILES)
    assert ann["email"] == "ann@example.com"


def test_a_batch_for_nobody_is_a_success(tracked: Intake) -> None:
    assert post(tracked, "/v1/batch", {"batch": []}).json()["success"] is True


@pytest.mark.parametrize("path", ["/v1/x", "/v1/batches", "/v1/batch//", "/v1/B", "/v1/bat", "/v1/import/x", "/v1"])
def test_what_only_resembles_a_call_does_not_exist(tracked: Intake, path: str) -> None:
    assert post(tracked, path, {}).status_code == 404
