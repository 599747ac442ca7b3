"""No sender can make the intake hold more, or wait longer, than its limits say."""

from __future__ import annotations

import gzip
import json
import select
import socket
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress

import pytest
from redis import Redis

from intake.http import limits
from intake.http.protocol import Protocol
from tests.support.intake import TOKEN, Intake, known, running
from tests.support.waiting import apart

PATH = "/v1/changes"
HEAD = b"POST /v1/changes HTTP/1.1\r\nHost: x\r\nAuthorization: Token " + TOKEN.encode() + b"\r\n"
EMPTY = b'{"audience":{"id":1},"changes":[]}'


@pytest.fixture(scope="module")
def intake(redis_server: str) -> Iterator[Intake]:
    with running(known(redis_server)) as started:
        yield started


def padded(size: int) -> bytes:
    return EMPTY[:-1] + b" " * (size - len(EMPTY)) + b"}"


def chunks(body: bytes) -> Iterator[bytes]:
    for start in range(0, len(body), 500_000):
        yield body[start : start + 500_000]


@pytest.mark.parametrize("chunked", [False, True])
def test_ten_megabytes_fit_and_one_byte_more_does_not(intake: Intake, chunked: bool) -> None:
    for size, status in ((limits.BODY, 202), (limits.BODY + 1, 413)):
        body = padded(size)
        response = intake.post(PATH, chunks(body) if chunked else body)
        assert response.status_code == status
    assert "10,485,760 bytes" in response.json()["error"]["description"]
    assert intake.get("/healthz").status_code == 200


def test_the_limit_counts_what_comes_out_of_gzip(intake: Intake) -> None:
    for size, status in ((limits.BODY, 202), (limits.BODY + 1, 413), (5 * limits.BODY, 413)):
        packed = zlib.compressobj(wbits=31)
        body = packed.compress(padded(size)) + packed.flush()
        assert len(body) < limits.BODY / 10
        assert intake.post(PATH, body, Content_Encoding="gzip").status_code == status


PACKED = gzip.compress(EMPTY, mtime=0)


@pytest.mark.parametrize(
    "body", [b"", b"{}", PACKED[:-1], PACKED + b"x"], ids=["empty", "plain", "cut off", "and more"]
)
def test_broken_gzip_is_refused(intake: Intake, body: bytes) -> None:
    response = intake.post(PATH, body, Content_Encoding="gzip")
    assert response.status_code == 400
    assert response.json()["error"]["title"] in ("The body is not gzip", "The message cannot be read")


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip", "zstd"])
def test_other_compressions_are_refused(intake: Intake, encoding: str) -> None:
    response = intake.post(PATH, EMPTY, Content_Encoding=encoding)
    assert response.status_code == 415
    assert "gzip" in response.json()["error"]["description"]


@pytest.fixture
def hasty(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Intake]:
    """One that waits half a second for a request."""
    monkeypatch.setattr(Protocol, "seconds", 0.5)
    with running(known(redis_url)) as started:
        yield started


@pytest.mark.parametrize(
    "start",
    [
        b"",
        b"POST /v1/changes HTTP/1.1\r\nX: ",
        HEAD + b"Content-Length: 100\r\n\r\n",
        HEAD + b"Content-Length: 100\r\n\r\n{",
        HEAD + b'Transfer-Encoding: chunked\r\n\r\n5\r\n{"cha\r\n',
    ],
)
def test_a_request_that_stops_coming_is_given_up(hasty: Intake, start: bytes) -> None:
    started = time.monotonic()
    answer = hasty.raw(start, until=b"never")
    assert 0.4 < time.monotonic() - started < 25
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in answer
    assert "within 30 s" in json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["description"]


@pytest.mark.parametrize("head", [HEAD + b"X: ", HEAD + b"Content-Length: 1000\r\n\r\n"])
def test_a_request_that_trickles_in_is_given_up_after_the_same_time(hasty: Intake, head: bytes) -> None:
    with socket.create_connection(("127.0.0.1", hasty.port), 30) as slow:
        slow.sendall(head)
        started = time.monotonic()
        answer = b""
        slow.settimeout(0.05)
        while not answer:
            assert time.monotonic() - started < 25
            with suppress(ConnectionError):  # closed meanwhile; the answer is there to be read
                slow.sendall(b"x")
            with suppress(TimeoutError):
                answer = slow.recv(1_000)
    assert answer.startswith(b"HTTP/1.1 408 ")


def send(connection: socket.socket, seconds: float) -> None:
    started = time.monotonic()
    while time.monotonic() - started < seconds:
        connection.sendall(b"x" * 1_000)
        apart(0.01)


def test_a_sender_that_was_refused_cannot_go_on_sending_for_ever(hasty: Intake) -> None:
    with socket.create_connection(("127.0.0.1", hasty.port), 30) as endless:
        endless.sendall(b"POST /v1/changes HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n")
        assert endless.recv(10_000).startswith(b"HTTP/1.1 401 ")
        with pytest.raises(OSError, match=r"reset|pipe"):
            send(endless, seconds=25)


def test_a_kept_alive_connection_is_not_given_up_for_being_quiet(hasty: Intake) -> None:
    request = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    with socket.create_connection(("127.0.0.1", hasty.port), 30) as connection:
        for _ in range(2):
            connection.sendall(request)
            assert connection.recv(10_000).startswith(b"HTTP/1.1 200 ")
            apart(0.8)


def slowly(intake: Intake, size: int) -> socket.socket:
    """A body of a sender with a token, of which no more comes than half."""
    connection = socket.create_connection(("127.0.0.1", intake.port), 30)
    connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % size + b" " * (size // 2))
    return connection


def test_bodies_beyond_the_memory_of_a_process_are_refused_the_oldest_first(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "IN_FLIGHT", 200_000)
    with running(known(redis_url)) as intake:
        with slowly(intake, 160_000) as first:
            deadline = time.monotonic() + 60
            while not select.select([first], [], [], 0)[0]:  # until it is there, both fit
                assert intake.post(PATH, padded(90_000)).status_code == 202
                assert time.monotonic() < deadline
            answer = first.recv(65_536)
            assert answer.startswith(b"HTTP/1.1 503 ")
            assert b"retry-after: 1\r\n" in answer.lower()
            assert b'"Too much at once"' in answer
        response = intake.post(PATH, padded(110_000))
        assert (response.status_code, response.headers["Retry-After"]) == (503, "1"), "more than one sender may hold"
        for _ in range(20):
            assert intake.post(PATH, padded(90_000)).status_code == 202, "what is answered is held no longer"


def test_a_message_that_would_store_far_more_than_it_holds_is_refused(intake: Intake, redis: Redis) -> None:
    profile = {
        "user_identities": [{"type": "email", "value": "a" * 100_000}],
        "audiences": [{"audience_id": 1, "action": "add"}] * 1_000,
    }
    posted = {"type": "audience_membership_change_request", "user_profiles": [profile]}
    response = intake.post("/v1/mparticle", posted)
    assert response.status_code == 413
    assert response.json()["error"]["title"] == "The message exceeds a limit"
    assert redis.keys() == []


def test_a_head_that_is_too_large_is_refused(intake: Intake) -> None:
    for start in (b"GET /healthz?", b"GET /healthz HTTP/1.1\r\nX: "):
        # Not a byte more than it takes: what is not read before the connection is closed would cost the answer.
        answer = intake.raw(start, b"x" * (limits.HEAD + 1 - len(start)), until=b"never")
        assert answer.startswith(b"HTTP/1.1 431 ")
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["title"] == "Request Header Fields Too Large"


def test_a_head_that_is_too_large_is_refused_although_all_of_it_arrives_at_once(intake: Intake) -> None:
    whole = b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: %b\r\n\r\n"
    answer = intake.raw(whole % (b"x" * limits.HEAD), until=b"never")
    assert answer.startswith(b"HTTP/1.1 431 ")
    assert b"retry-after" not in answer.lower(), "repeating it is of no use"
    assert intake.raw(whole % (b"x" * (limits.HEAD - 100))).startswith(b"HTTP/1.1 200 ")


def test_large_bodies_one_after_the_other_do_not_count_as_heads(intake: Intake) -> None:
    body = padded(300_000)
    whole = HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body
    last = HEAD + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    answer = intake.raw(whole + whole + last, until=b"never")
    assert answer.count(b"HTTP/1.1 202 ") == 3
