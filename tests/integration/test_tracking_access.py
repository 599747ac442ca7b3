"""Who may post to the tracking API: a write key in the header or in the body, what each opens, and how much it may."""

from __future__ import annotations

import gzip
import json
import logging
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests
from redis import Redis

from configuration.connections import Connection, Connections
from configuration.senders import Rate, Sender
from configuration.settings import Settings, Token
from intake.http import limits
from queues import pending, senders
from tests.support.intake import TOKEN, Intake, running
from tests.support.intake_redis import server
from tests.support.segment import message
from tests.support.tracking import LIBRARIES, PAGE, Posted, basic

KEY = "a write key of the shop"
SECRET = "a secret of segment's"
BRAND_B = "a write key of brand b alone"
SLOW = "a write key with a rate"
ANN = message("identify", userId="u-17", traits={"email": "ann@example.com"})
BATCH = json.dumps({"batch": [ANN]}).encode()


class Hourly(Rate):
    """So long a window that no machine is slow enough to let a place become free."""

    seconds = 3_600
    amount = 2


@pytest.fixture(scope="module")
def served(redis_server: str) -> Iterator[Intake]:
    known = Connections({name: Connection(name) for name in ("default", "brand_b")})
    tokens = (Token("shop", KEY), Token("other", TOKEN))
    scoped = (
        Sender("b", (BRAND_B,), connections=frozenset({"brand_b"})),
        Sender("changes", ("a token for changes",), routes=frozenset({"changes"})),
    )
    secrets = (Token("signed", SECRET),)
    with running(Settings(redis_server, known, tokens=tokens, senders=scoped, segment_secrets=secrets)) as intake:
        yield intake


@pytest.fixture
def tracked(served: Intake, redis: Redis) -> Intake:
    """It, with nothing stored."""
    assert redis.ping()
    return served


def keyed(write_key: Any, **more: Any) -> bytes:
    """A batch that contains this write key."""
    return json.dumps({"batch": [ANN], "writeKey": write_key, **more}).encode()


def post(intake: Intake, body: bytes, path: str = "/v1/batch", **headers: str) -> requests.Response:
    return intake.post(path, body, "", **headers)


@pytest.mark.parametrize(
    "header",
    [f"Token {KEY}", f"Bearer {KEY}", basic(KEY), basic(KEY, "ignored"), basic(KEY, '""'), "bAsIc" + basic(KEY)[5:]],
)
@pytest.mark.parametrize("path", ["/v1/batch", "/v1/import/", "/v1/b"])
def test_a_token_is_taken_in_each_way(tracked: Intake, path: str, header: str) -> None:
    assert post(tracked, BATCH, path, Authorization=header).json()["accepted"] == 1


def test_a_write_key_in_the_body_is_taken_wherever_no_header_shows_one(tracked: Intake, redis: Redis) -> None:
    assert post(tracked, keyed(KEY)).json()["accepted"] == 1
    assert post(tracked, b"\xef\xbb\xbf" + keyed(KEY)).status_code == 200, "after a byte order mark"
    single = json.dumps(ANN | {"writeKey": KEY}).encode()
    assert post(tracked, single, "/v1/identify").json()["accepted"] == 1
    packed = gzip.compress(keyed(KEY))
    assert post(tracked, packed, Content_Encoding="gzip").json()["accepted"] == 1
    assert pending.all_queues(redis) != []


def is_refused(answer: requests.Response) -> bool:
    told = answer.json()
    assert told["code"] == "unauthorized"
    assert "invalid write key" in answer.text.lower(), "RudderStack's libraries for phones look for it"
    assert told["error"]["title"] == "A valid token is needed"
    assert "Basic" not in answer.headers["WWW-Authenticate"], "a browser would ask the visitor for a password"
    return answer.status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        *(keyed(each) for each in (KEY[:-1], f"{KEY} ", KEY.upper(), "", None, 5, [KEY], {"a": KEY}, SECRET)),
        *(BATCH, b"", b"nonsense", b"[" * 100_000, b"\xff", b"[]", b'"writeKey"', b'{"writeKey":"%s"' % KEY.encode()),
        json.dumps({"batch": [ANN | {"writeKey": KEY}]}).encode(),
        json.dumps({"batch": [ANN], "context": {"writeKey": KEY}, "writekey": KEY}).encode(),
    ],
)
@pytest.mark.parametrize("path", ["/v1/batch", "/v1/t/"])
def test_without_a_right_key_nothing_is_taken(tracked: Intake, redis: Redis, path: str, body: bytes) -> None:
    assert is_refused(post(tracked, body, path))
    assert is_refused(post(tracked, body, path, X_Signature="0" * 40)), "a signature counts at /v1/segment alone"
    assert redis.keys() == []


@pytest.mark.parametrize(
    "header", ["Token", "Basic", "Basic !", basic(""), basic("", KEY), basic(KEY[:-1]), f"Basic {KEY}", "Bearer x", ""]
)
def test_a_header_that_shows_no_key_is_refused_before_the_body_comes(tracked: Intake, header: str) -> None:
    assert is_refused(post(tracked, keyed(KEY), Authorization=header))
    head = f"POST /v1/batch HTTP/1.1\r\nHost: x\r\nAuthorization: {header}\r\nContent-Length: 100\r\n\r\n"
    assert tracked.raw(head.encode(), seconds=5).startswith(b"HTTP/1.1 401 ")


@pytest.mark.parametrize("path", ["/v1/segment", "/v1/changes", "/v1/mparticle", "/v1/campaigns"])
def test_a_key_in_the_body_opens_no_other_address(tracked: Intake, path: str) -> None:
    assert post(tracked, keyed(KEY), path).status_code == 401


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD", "PATCH"])
def test_only_posts_are_taken(tracked: Intake, method: str) -> None:
    for headers, status in (({}, 401), ({"Authorization": basic(KEY)}, 405)):
        answer = requests.request(method, f"{tracked.url}/v1/batch", headers=headers, data=keyed(KEY), timeout=30)
        assert answer.status_code == status


def padded(size: int) -> bytes:
    """A body with a right key and of so many bytes."""
    bare = len(keyed(KEY, note=""))
    return keyed(KEY, note="x" * (size - bare))


def test_a_body_with_its_key_inside_may_be_as_large_as_segments_own_and_no_larger(tracked: Intake) -> None:
    fits, over = padded(limits.KEYED_BODY), padded(limits.KEYED_BODY + 1)
    assert len(fits) == 512_000
    assert post(tracked, fits).json()["accepted"] == 1
    assert post(tracked, gzip.compress(fits), Content_Encoding="gzip").json()["accepted"] == 1
    for refused in (post(tracked, over), post(tracked, gzip.compress(over), Content_Encoding="gzip")):
        assert refused.status_code == 413
        assert "512,000 bytes" in refused.json()["message"]
    assert post(tracked, over, Authorization=basic(KEY)).json()["accepted"] == 1, "the header shows it"


def test_a_body_that_claims_to_be_larger_is_not_waited_for(tracked: Intake) -> None:
    head = b"POST /v1/batch HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n"
    assert tracked.raw(head, b" " * (limits.KEYED_BODY + 1), seconds=30).startswith(b"HTTP/1.1 413 ")


def test_bodies_without_a_header_that_never_end_keep_nobody_out(tracked: Intake) -> None:
    head = b"POST /v1/b HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n\r\n"
    with ExitStack() as stack:
        for _ in range(60):
            stranger = stack.enter_context(socket.create_connection(("127.0.0.1", tracked.port), 30))
            stranger.sendall(head + b" " * 400_000)
        assert post(tracked, keyed(KEY)).status_code == 200
        assert post(tracked, padded(limits.KEYED_BODY)).status_code == 200
        assert post(tracked, BATCH, Authorization=basic(KEY)).status_code == 200


def test_a_sender_of_one_connection_need_not_name_it(tracked: Intake, redis: Redis) -> None:
    for library in LIBRARIES.values():
        if not library.from_page:
            answer = library.posted(BRAND_B, ANN).send(tracked)
            assert answer.status_code == 200, answer.text
    assert {queue.connection for queue in pending.all_queues(redis)} == {"brand_b"}
    assert LIBRARIES["curl"].posted(BRAND_B, ANN).send(tracked, "?connection=default").status_code == 403
    assert LIBRARIES["curl"].posted(KEY, ANN).send(tracked).status_code == 200
    assert {queue.connection for queue in pending.all_queues(redis)} == {"brand_b", "default"}
    assert tracked.post("/v1/segment", ANN, BRAND_B).status_code == 403, "there the connection is named"


@pytest.mark.parametrize("library", ["segment-python", "segment-swift", "rudder-node", "curl"])
def test_a_sender_of_another_route_is_refused_however_it_shows_its_key(
    tracked: Intake, redis: Redis, library: str
) -> None:
    answer = LIBRARIES[library].posted("a token for changes", ANN).send(tracked)
    assert answer.status_code == 403
    assert answer.json()["message"].endswith("restart web.")
    assert "lacks the route segment; it has changes" in answer.json()["message"]
    assert pending.all_queues(redis) == []


@pytest.mark.parametrize("library", ["segment-node", "segment-kotlin", "rudder-python", "analytics.js"])
def test_a_rate_is_answered_429_with_the_time_to_wait(redis_url: str, redis: Redis, library: str) -> None:
    slow = Sender("slow", (SLOW,), routes=frozenset({"segment"}), rate=Hourly(1, 2), allowed_origins=frozenset({PAGE}))
    known = Connections({"default": Connection("default")})
    posted = LIBRARIES[library].posted(SLOW, ANN)
    with running(Settings(redis_url, known, senders=(slow,))) as intake:
        answers = [posted.send(intake) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert 3_000 < int(answers[2].headers["Retry-After"]) <= 3_600
    assert answers[2].json()["code"] == "too_many_requests"
    assert senders.read(redis, "slow").refused == {"rate": 1}


@pytest.mark.parametrize("library", ["segment-node", "segment-kotlin", "rudder-python", "analytics.js"])
def test_while_redis_is_away_libraries_are_told_to_repeat(tmp_path: Path, library: str) -> None:
    sender = Sender("website", (KEY,), routes=frozenset({"segment"}), allowed_origins=frozenset({PAGE}))
    known = Connections({"default": Connection("default")})
    posted = LIBRARIES[library].posted(KEY, ANN)
    with (
        server(tmp_path, "--appendonly", "yes") as (process, url),
        running(Settings(url, known, senders=(sender,))) as it,
    ):
        process.kill()
        process.wait(30)
        refused = posted.send(it)
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
        assert refused.json()["code"] == "service_unavailable"
        assert refused.headers.get("Access-Control-Allow-Origin") == (PAGE if LIBRARIES[library].from_page else None)
        with server(tmp_path, "--appendonly", "yes"), Redis.from_url(url) as redis:
            assert posted.send(it).json()["accepted"] == 1
            assert len(pending.all_queues(redis)) == 1


def test_no_key_is_logged_or_answered(tracked: Intake, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        forms = [library.posted(key, ANN) for library in LIBRARIES.values() for key in (KEY, "a wrong write key")]
        forms.append(Posted("/v1/batch", {}, keyed(KEY) + b"}"))
        answers = [each.send(tracked).text for each in forms]
    assert not any(key in text for text in (*answers, caplog.text) for key in (KEY, "a wrong write key"))
