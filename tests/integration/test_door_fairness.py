"""Who sends slowly, endlessly or wrongly keeps nobody else out: a real `ferry web`, over real sockets."""

from __future__ import annotations

import resource
import select
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
import requests
from redis import Redis

from intake.http import limits
from tests.support.console import Console, console
from tests.support.ops import COMMAND, environment
from tests.support.waiting import until
from tests.support.web import free_port

TOKEN = "0b5c4d3f7a1e4c66"
OTHER = "6f1d2c9a8b7e4f30"
ADMIN = "the-admin-token-of-this-installation"
BODY = b'{"audience":{"id":1},"changes":[{"email":"ann@example.com","action":"add"}]}'
HALF = limits.BODY // 2
#: As few as a Mac gives a process. Three quarters of them may be connections.
FILES = 256


class Web:
    """A `ferry web`. `log`: what it wrote."""

    def __init__(self, port: int, log: Path) -> None:
        self.port = port
        self._log = log

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def log(self) -> str:
        return self._log.read_text()

    def post(self, token: str = TOKEN) -> int:
        headers = {"Authorization": f"Token {token}"}
        return requests.post(f"{self.url}/v1/changes", BODY, headers=headers, timeout=60).status_code

    def is_up(self) -> bool:
        try:
            return requests.get(f"{self.url}/healthz", timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def open(self, start: bytes = b"", source: str = "127.0.0.1") -> socket.socket:
        """A connection that sends no more than this."""
        connection = socket.create_connection(("127.0.0.1", self.port), 60, source_address=(source, 0))
        connection.sendall(start)
        return connection

    def sign_in(self, token: str, **headers: str) -> int:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        form = {"token": token}
        return requests.post(f"{self.url}/sign-in", form, headers=sent, timeout=60, allow_redirects=False).status_code

    def bearer(self, token: str, **headers: str) -> int:
        sent = {name.replace("_", "-"): value for name, value in headers.items()} | {"Authorization": f"Bearer {token}"}
        return requests.get(f"{self.url}/audit", headers=sent, timeout=60).status_code


def _few_files() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))


@pytest.fixture
def web(redis: Redis, redis_url: str, tmp_path: Path) -> Iterator[Web]:
    """One that may open as few files as some systems give a process."""
    port, log = free_port(), tmp_path / "web.log"
    env = environment(
        redis_url,
        tmp_path,
        FERRY_TOKENS=f"one:{TOKEN},other:{OTHER}",
        FERRY_SEGMENT_SECRETS="a-secret-of-segment-s",
        FERRY_SECRET_KEY="a secret of this installation",
        FERRY_ADMIN_TOKEN=ADMIN,
    )
    words = [*COMMAND, "web", "--host", "127.0.0.1", "--port", str(port)]
    with log.open("wb") as file:
        process = subprocess.Popen(words, env=env, stderr=file, preexec_fn=_few_files)
    started = Web(port, log)
    until(started.is_up, seconds=120)
    yield started
    process.terminate()
    assert process.wait(60) in (0, -signal.SIGTERM)
    assert "Traceback" not in started.log()


@pytest.fixture
def untried(redis_url: str) -> Iterator[Console]:
    with console(redis_url) as started:
        yield started


def _head(path: str, *headers: str, size: int = limits.BODY) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: x", f"Content-Length: {size}", *headers, "", ""]
    return "\r\n".join(lines).encode()


SIGNED = _head("/v1/segment", "X-Signature: 00")
WITH_TOKEN = _head("/v1/changes", f"Authorization: Token {TOKEN}")


def test_bodies_that_never_end_keep_nobody_out(web: Web) -> None:
    with ExitStack() as stack:
        for start in (SIGNED, *[WITH_TOKEN] * 4, *[SIGNED] * 3):
            connection = stack.enter_context(web.open(start))
            connection.sendall(b" " * (limits.BODY - 1))
        for _ in range(5):
            assert web.post() == 202, "of the very sender"
            assert web.post(OTHER) == 202
        # A signature that is wrong is answered as such: there was room to look at it.
        answer = requests.post(f"{web.url}/v1/segment", BODY, headers={"X-Signature": "00"}, timeout=60)
        assert answer.status_code == 401
    assert "turned away to keep room for others" in web.log()
    assert "a slow body of 127.0.0.1" in web.log()


def test_a_body_without_a_token_takes_no_room_of_one_with_a_token(web: Web) -> None:
    with ExitStack() as stack:
        mine = stack.enter_context(web.open(_head("/v1/changes", f"Authorization: Token {TOKEN}", size=HALF)))
        mine.sendall(b"{" + b" " * (HALF - 3))
        for _ in range(12):
            stack.enter_context(web.open(SIGNED)).sendall(b" " * HALF)
        assert web.post(OTHER) == 202
        mine.sendall(b"}x"[:1] + b" ")
        assert mine.recv(65_536).startswith(b"HTTP/1.1 400 "), "it was read to its end"


STALLED = [
    b"",
    b"GET / HTTP/1.1\r\nX: ",
    b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
    _head("/v1/changes"),
    _head("/v1/mparticle", size=100),
    _head("/sign-in", "Content-Type: application/x-www-form-urlencoded", size=100),
    WITH_TOKEN,
]


def test_more_connections_than_may_be_open_that_go_no_further_keep_nobody_out(web: Web) -> None:
    for start in STALLED:
        with ExitStack() as stack:
            for _ in range(FILES * 5 // 4):
                stack.enter_context(_flood(web, start))
            for _ in range(3):
                assert web.post() == 202, start
                assert web.sign_in(ADMIN) == 303, start
    assert "a connection of 127.0.0.1" in web.log()
    assert web.log().count("turned away") < 20, "it is said once a minute"


def _flood(web: Web, start: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", web.port), 60)
    with suppress(ConnectionError):  # it gave way already
        connection.sendall(start)
    return connection


def test_wrong_tokens_make_their_peer_wait_and_shut_out_nobody(web: Web) -> None:
    started = time.monotonic()
    assert {web.sign_in("wrong") for _ in range(10)} == {401}
    assert time.monotonic() - started > 5, "the longer, the more there were"
    assert web.sign_in(ADMIN) == 303, "the right one, of the very address"
    elsewhere = {"X_Forwarded_For": "198.51.100.7", "X_Forwarded_Proto": "https"}
    started = time.monotonic()
    assert web.sign_in(ADMIN, **elsewhere) == 303
    assert web.bearer(ADMIN, **elsewhere) == 200
    assert time.monotonic() - started < 60


def test_the_head_of_a_request_has_ten_seconds(untried: Console) -> None:
    with _opened(untried, b"GET /healthz HTTP/1.1\r\nX: ") as connection:
        started = time.monotonic()
        assert select.select([connection], [], [], 25)[0], "before the whole request's thirty"
        assert time.monotonic() - started > 8
        assert connection.recv(65_536).startswith(b"HTTP/1.1 408 ")


def test_the_console_reads_no_body_of_any_size(untried: Console) -> None:
    form = "Content-Type: application/x-www-form-urlencoded"
    with _opened(untried, _head("/sign-in", form, size=10**9)) as connection:
        assert connection.recv(65_536).startswith(b"HTTP/1.1 413 ")
    chunked = f"POST /sign-in HTTP/1.1\r\nHost: x\r\n{form}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\ntoken\r\n"
    with _opened(untried, chunked.encode()) as connection:
        assert connection.recv(65_536).startswith(b"HTTP/1.1 411 ")


def _opened(untried: Console, start: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", int(untried.url.rpartition(":")[2])), 60)
    connection.sendall(start)
    return connection
