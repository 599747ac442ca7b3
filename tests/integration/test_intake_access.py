"""Who is let in, and in what form everybody else is refused."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from configuration.settings import Token
from intake.openapi.document import document
from tests.support.intake import TOKEN, Intake, known, running

OPEN = ("/healthz", "/openapi.json", "/docs")
CLOSED = (
    ("POST", "/v1/mparticle"),
    ("POST", "/v1/changes"),
    ("POST", "/v1/segment"),
    ("GET", "/v1/segment"),
    ("GET", "/v1/mparticle"),
    ("GET", "/v1/changes"),
    ("PUT", "/v1/mparticle"),
    ("OPTIONS", "/v1/mparticle"),
    ("OPTIONS", "/v1/segment"),
    ("POST", "/v1/batch"),
    ("GET", "/v1/t/"),
)
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
UNKNOWN = ("/", "/v1", "/v1/mparticle/", "/v1/segment/", "/docs/", "/nowhere", "/v1/batches", "/admin", "/v1/m/x")
NO_TOKEN = {
    "none": b"",
    "wrong": b"Authorization: Token 0b5c4d3f7a1e4c67\r\n",
    "revoked": b"Authorization: Bearer 1111111111111111\r\n",
    "other scheme": b"Authorization: Basic 0b5c4d3f7a1e4c66\r\n",
    "empty": b"Authorization: Token\r\n",
}


@pytest.fixture(scope="module")
def intake(redis_server: str) -> Iterator[Intake]:
    tokens = (Token("mparticle", TOKEN), Token("backoffice", "6f1d2c9a8b7e4f30"))
    with running(known(redis_server, tokens=tokens)) as started:
        yield started


def is_refused(answer: bytes) -> bool:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"www-authenticate: " in head
    assert json.loads(body)["error"]["title"] == "A valid token is needed"
    return head.startswith(b"HTTP/1.1 401 ")


@pytest.mark.parametrize("header", NO_TOKEN.values(), ids=NO_TOKEN)
@pytest.mark.parametrize(("method", "path"), CLOSED)
def test_without_a_valid_token_everything_is_refused(intake: Intake, method: str, path: str, header: bytes) -> None:
    body = b'{"type":"audience_membership_change_request"}'
    head = b"%s %s HTTP/1.1\r\nHost: x\r\n%sContent-Length: %d\r\nConnection: close\r\n\r\n"
    answer = intake.raw(head % (method.encode(), path.encode(), header, len(body)) + body, until=b"never")
    assert is_refused(answer)


@pytest.mark.parametrize("header", [*NO_TOKEN.values(), b"Authorization: Bearer %s\r\n" % TOKEN.encode()])
@pytest.mark.parametrize("path", UNKNOWN)
def test_an_unknown_address_is_answered_404_whatever_the_method_and_the_token(
    intake: Intake, path: str, header: bytes
) -> None:
    for method in METHODS:
        head = b"%s %s HTTP/1.1\r\nHost: x\r\n%sConnection: close\r\n\r\n"
        answer = intake.raw(head % (method.encode(), path.encode(), header), until=b"never")
        assert answer.startswith(b"HTTP/1.1 404 "), (method, answer)
        if method != "HEAD":
            told = json.loads(answer.partition(b"\r\n\r\n")[2])
            assert (told["code"], told["error"]["title"]) == ("not_found", "Not Found")
            assert "/docs lists the addresses" in told["message"]


def test_a_body_for_an_unknown_address_is_not_waited_for(intake: Intake) -> None:
    head = b"POST /v1/nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n"
    assert intake.raw(head, seconds=5).startswith(b"HTTP/1.1 404 ")


@pytest.mark.parametrize("token", [TOKEN, "6f1d2c9a8b7e4f30"])
def test_each_of_several_tokens_is_let_in(intake: Intake, token: str) -> None:
    assert intake.post("/v1/changes", {"audience": {"id": 1}, "changes": []}, token=token).status_code == 202
    assert intake.get("/nowhere", token=token).status_code == 404
    assert intake.get("/v1/changes", token=token).status_code == 405


@pytest.mark.parametrize("path", OPEN)
def test_some_addresses_need_no_token(intake: Intake, path: str) -> None:
    assert intake.get(path).status_code == 200


def test_the_refusal_does_not_wait_for_the_body(intake: Intake) -> None:
    head = b"POST /v1/changes HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n"
    assert intake.raw(head, seconds=5).startswith(b"HTTP/1.1 401 ")


def test_a_sender_that_asks_first_is_not_told_to_go_on_without_a_token(intake: Intake) -> None:
    head = b"POST /v1/changes HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\nExpect: 100-continue\r\n"
    assert intake.raw(head + b"\r\n", seconds=5).startswith(b"HTTP/1.1 401 ")
    allowed = intake.raw(head + b"Authorization: Token " + TOKEN.encode() + b"\r\n\r\n", seconds=5)
    assert allowed.startswith(b"HTTP/1.1 100 ")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nonsense",
        b"[" * 8_000,
        b'{"type":"module_registration_response"}',
        b'{"type":"module_registration_request","id":5}',
        b'{"type":"module_registration_request"' + b" " * 8_192 + b"}",
        b'{"type":"dsr_processing_request"}',
    ],
)
def test_only_a_small_registration_request_passes_without_a_token(intake: Intake, body: bytes) -> None:
    response = intake.post("/v1/mparticle", body, token="")
    assert response.status_code == 401
    assert "Token" in response.headers["WWW-Authenticate"]


def test_without_tokens_everybody_is_refused_and_the_log_says_so(
    redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "intake"), running(known(redis_url, tokens=())) as intake:
        assert intake.post("/v1/changes", {}, token="anything-at-all-0123").status_code == 401
        assert intake.get("/healthz").status_code == 200
    assert "no FERRY_TOKENS are set" in caplog.text


@pytest.mark.parametrize(
    ("path", "title", "remedy"), [("/nowhere", "Not Found", "/docs"), ("/v1/changes", "", "Allow")]
)
def test_errors_of_the_framework_have_the_same_form(intake: Intake, path: str, title: str, remedy: str) -> None:
    response = intake.get(path, token=TOKEN)
    error = response.json()["error"]
    assert response.headers["Content-Type"] == "application/json;charset=utf-8"
    assert title in error["title"]
    assert remedy in error["description"]


def test_answers_do_not_tell_what_serves_them(intake: Intake) -> None:
    for response in (intake.get("/healthz"), intake.get("/nowhere"), intake.get("/docs")):
        assert "server" not in {name.lower() for name in response.headers}


def test_the_document_and_its_page_are_served(intake: Intake) -> None:
    assert intake.get("/openapi.json").json() == json.loads(json.dumps(document()))
    response = intake.get("/docs")
    assert response.headers["Content-Type"] == "text/html;charset=utf-8"
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert response.text.startswith("<!doctype html>")


def test_health_is_answered_whether_redis_is_there_or_not() -> None:
    with running(known("unix:///nowhere/redis.sock")) as intake:
        assert intake.get("/healthz").status_code == 200
        assert intake.get("/readyz").status_code == 503
