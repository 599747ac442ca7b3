"""One exchange with Klaviyo: where it goes, what it carries, and what it must not give away."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests
import responses

from klaviyo import http
from klaviyo.http import Answer, Reply, Transport
from klaviyo.outcomes import UNEXPECTED, Retry

KEY = "pk_canary0123456789"
URL = "https://a.klaviyo.com"
SECRET_QUERY = "filter=any%28email%2C%5B%22canary%2Bx%40example.com%22%5D%29"


class Echo(BaseHTTPRequestHandler):
    """Answers 200 with the request's line, headers and body."""

    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        port = str(self.client_address[1]).encode()
        content = b"\n".join([port, self.requestline.encode(), bytes(self.headers), body])
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_DELETE = answer  # noqa: N815 - named by http.server

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def echo() -> Iterator[Transport]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        transport = Transport(f"http://127.0.0.1:{server.server_port}", KEY)
        yield transport
        transport.close()
        server.shutdown()


def content(answer: Answer) -> bytes:
    assert isinstance(answer, Reply)
    return answer.body


def test_a_request_carries_key_revision_agent_and_media_type(echo: Transport) -> None:
    sent = content(echo.send("DELETE", "/api/lists/L1/relationships/profiles", "a=1", b'{"data":[]}'))
    assert b"DELETE /api/lists/L1/relationships/profiles?a=1 HTTP/1.1" in sent
    assert f"Authorization: Klaviyo-API-Key {KEY}".encode() in sent
    assert b"revision: 2026-10-15" in sent
    assert b"User-Agent: ferry/" in sent
    assert b"Accept: application/vnd.api+json" in sent
    assert b"Content-Type: application/vnd.api+json" in sent
    assert b"Content-Length: 11" in sent
    assert b"Transfer-Encoding" not in sent
    assert sent.endswith(b'{"data":[]}')


def test_an_encoded_query_reaches_klaviyo_as_it_is(echo: Transport) -> None:
    assert f"?{SECRET_QUERY} HTTP".encode() in content(echo.send("GET", "/api/profiles", SECRET_QUERY))


def test_a_connection_is_used_again(echo: Transport) -> None:
    ports = {content(echo.send("GET", "/api/lists")).split(b"\n")[0] for _ in range(3)}
    assert len(ports) == 1


def test_an_entry_in_a_netrc_does_not_replace_the_key(
    echo: Transport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else")
    monkeypatch.setenv("NETRC", str(netrc))
    assert f"Authorization: Klaviyo-API-Key {KEY}".encode() in content(echo.send("GET", "/api/lists"))


def test_urllib3_does_not_log_the_filters(echo: Transport, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        echo.send("GET", "/api/profiles", SECRET_QUERY)
    assert "canary" not in caplog.text


@responses.activate
def test_a_redirect_is_an_answer_and_not_followed() -> None:
    responses.get(f"{URL}/api/lists", status=302, headers={"Location": "https://elsewhere.example/"})
    reply = Transport(URL, KEY).send("GET", "/api/lists")
    assert isinstance(reply, Reply)
    assert reply.status == 302
    assert len(responses.calls) == 1


@pytest.mark.parametrize(
    "fault",
    [
        requests.ConnectTimeout(SECRET_QUERY),
        requests.ReadTimeout(SECRET_QUERY),
        requests.ConnectionError(SECRET_QUERY),
        requests.exceptions.SSLError(SECRET_QUERY),
        requests.exceptions.ChunkedEncodingError(SECRET_QUERY),
        ConnectionResetError(SECRET_QUERY),
    ],
)
@responses.activate
def test_a_network_fault_is_retried_without_spending_an_attempt(fault: Exception) -> None:
    responses.get(f"{URL}/api/profiles", body=fault)
    outcome = Transport(URL, KEY).send("GET", "/api/profiles", SECRET_QUERY)
    assert outcome == Retry(None, counts=False, why=f"network:{type(fault).__name__}")


def test_a_port_where_nobody_listens_is_a_network_fault() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    outcome = Transport(f"http://127.0.0.1:{port}", KEY).send("GET", "/api/lists")
    assert outcome == Retry(None, counts=False, why="network:ConnectionError")


@responses.activate
def test_an_answer_without_end_is_not_read_into_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MAX_ANSWER", 100_000)
    responses.get(f"{URL}/api/lists", body=b"x" * 100_001)
    assert Transport(URL, KEY).send("GET", "/api/lists") == UNEXPECTED


@pytest.mark.parametrize("key", ["", f"{KEY}\n", f"{KEY}\r\nX: y", f" {KEY}", f"{KEY} x", f"{KEY}\u00e9"])
def test_a_malformed_key_is_refused_without_being_quoted(key: str) -> None:
    with pytest.raises(ValueError, match="copy it again") as refusal:
        Transport(URL, key)
    assert "canary" not in str(refusal.value)
