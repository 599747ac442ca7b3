"""Who may post to `/v1/segment`: whoever shows a token in one of three ways, or signs with a secret."""

from __future__ import annotations

import gzip
import hmac
import json
import select
import socket
import time
from collections.abc import Iterator

import pytest
import requests
from redis import Redis

from configuration.settings import Token
from intake.http import limits
from tests.support.intake import TOKEN, Intake, known, running
from tests.support.segment import message
from tests.support.tracking import basic

PATH = "/v1/segment"
NEW, OLD = "3c0e7b51d2f94a68", "d41f8e6a90b27c35"
BODY = json.dumps(message("page")).encode()


@pytest.fixture(scope="module")
def intake(redis_server: str) -> Iterator[Intake]:
    with running(known(redis_server, segment_secrets=(Token("new", NEW), Token("old", OLD)))) as started:
        yield started


def sign(body: bytes, secret: str = NEW) -> str:
    return hmac.new(secret.encode(), body, "sha1").hexdigest()


def post(intake: Intake, body: bytes = BODY, **headers: str) -> requests.Response:
    return intake.post(PATH, body, token="", **headers)


@pytest.mark.parametrize(
    "header",
    [f"Token {TOKEN}", f"bearer {TOKEN}", basic(TOKEN), basic(TOKEN, "whatever"), "bAsIc" + basic(TOKEN)[5:]],
)
def test_a_token_is_taken_in_each_of_three_ways(intake: Intake, header: str) -> None:
    assert post(intake, Authorization=header).json()["unmapped"] == 1


@pytest.mark.parametrize(
    "header",
    [
        *("Token", "Basic", "Basic ====", f"Basic {TOKEN}", f"Token {basic(TOKEN)}", "Basic /w=="),
        *(basic(""), basic("", TOKEN), basic(TOKEN[:-1]), basic(NEW), basic(f"{TOKEN} ")),
    ],
)
def test_nothing_else_is_a_token(intake: Intake, header: str) -> None:
    response = post(intake, Authorization=header)
    assert response.status_code == 401
    assert response.json()["error"]["title"] == "A valid token is needed"
    assert 'Basic realm="ferry"' in response.headers["WWW-Authenticate"]


@pytest.mark.parametrize("secret", [NEW, OLD])
def test_a_signature_by_each_secret_is_taken(intake: Intake, secret: str) -> None:
    assert post(intake, X_Signature=sign(BODY, secret)).json()["unmapped"] == 1
    assert post(intake, X_Signature=sign(BODY, secret).upper()).status_code == 200


def test_the_body_is_signed_as_it_is_sent(intake: Intake) -> None:
    packed = gzip.compress(BODY)
    assert post(intake, packed, X_Signature=sign(packed), Content_Encoding="gzip").status_code == 200
    assert post(intake, packed, X_Signature=sign(BODY), Content_Encoding="gzip").status_code == 401


@pytest.mark.parametrize("body", [BODY, b"", b"nonsense", b"[" * 100_000, b"\xff", b'{"batch":{}}'])
@pytest.mark.parametrize("signature", ["", "0", "x" * 40, sign(BODY + b" "), sign(BODY, TOKEN), "\u00e9"])
def test_with_a_wrong_signature_nothing_is_read(intake: Intake, redis: Redis, body: bytes, signature: str) -> None:
    response = post(intake, body, X_Signature=signature)
    assert response.status_code == 401
    assert "HMAC-SHA1" in response.json()["error"]["description"]
    assert post(intake, body, X_Signature=signature, Content_Encoding="gzip").status_code == 401
    assert redis.keys() == []


def test_a_signed_body_with_half_a_character_is_checked_as_it_was_sent_and_then_read(intake: Intake) -> None:
    body = b'{"type":"page","x":"\\ud83d","y":"\xed\xa0\xbd"}'
    packed = gzip.compress(body)
    assert post(intake, body, X_Signature=sign(body)).json()["unmapped"] == 1
    assert post(intake, packed, X_Signature=sign(packed), Content_Encoding="gzip").json()["unmapped"] == 1


def test_a_signature_does_not_open_the_names_of_connections(intake: Intake) -> None:
    response = intake.post(PATH + "?connection=nowhere", BODY, token="", X_Signature=sign(BODY, "another secret"))
    assert (response.status_code, "default" in response.text) == (401, False)


def test_a_right_token_needs_no_right_signature(intake: Intake) -> None:
    assert intake.post(PATH, BODY, X_Signature="0").status_code == 200


@pytest.mark.parametrize(
    ("path", "status"), [("/v1/changes", 401), ("/v1/mparticle", 401), ("/v1/segment/", 404), ("/nowhere", 404)]
)
def test_neither_opens_another_address(intake: Intake, path: str, status: int) -> None:
    assert intake.post(path, BODY, token="", X_Signature=sign(BODY)).status_code == status
    assert intake.post(path, BODY, token="", Authorization=basic(TOKEN)).status_code == status


def test_a_signature_is_for_posts_only(intake: Intake) -> None:
    headers = {"X-Signature": sign(b"")}
    assert requests.get(intake.url + PATH, headers=headers, timeout=30).status_code == 401


def test_a_body_whose_signature_is_yet_to_be_checked_gives_way_to_one_that_is_there(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "UNSIGNED", 2_000)
    head = b"POST /v1/segment HTTP/1.1\r\nHost: x\r\nX-Signature: 0\r\nContent-Length: 9000\r\n\r\n"
    with running(known(redis_url, segment_secrets=(Token("new", NEW),))) as intake:
        with socket.create_connection(("127.0.0.1", intake.port), 30) as stranger:
            stranger.sendall(head + b" " * 990)
            deadline = time.monotonic() + 60
            while not select.select([stranger], [], [], 0)[0]:  # until it is read, there is room for both
                assert post(intake, X_Signature=sign(BODY)).status_code == 200
                assert time.monotonic() < deadline
            assert stranger.recv(65_536).startswith(b"HTTP/1.1 503 ")
            assert intake.post(PATH, message("page", note="x" * 5_000)).status_code == 200
        for _ in range(20):
            assert post(intake, X_Signature=sign(BODY)).status_code == 200, "what is answered is held no longer"
            assert post(intake, X_Signature=sign(BODY, "another secret")).status_code == 401


def test_without_secrets_a_signature_is_refused_before_the_body_comes(redis_url: str) -> None:
    head = b"POST /v1/segment HTTP/1.1\r\nHost: x\r\nX-Signature: 0\r\nContent-Length: 100\r\n\r\n"
    with running(known(redis_url)) as intake:
        assert intake.raw(head, seconds=5).startswith(b"HTTP/1.1 401 ")
        assert post(intake, X_Signature=sign(BODY, "")).status_code == 401
