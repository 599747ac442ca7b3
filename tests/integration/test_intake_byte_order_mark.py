"""A byte order mark, which Windows writes in front of UTF-8, is read over by every reader alike."""

from __future__ import annotations

import codecs
import gzip
import hmac
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from redis import Redis

from configuration.connections import Connection
from configuration.connections_file import load
from configuration.settings import Token
from console.auth.roles import Role
from queues.snapshots import orders
from tests.support.console import Console, console
from tests.support.intake import Intake, known, running
from tests.support.ops import ferry
from tests.support.posted import PATH, membership

MARK = codecs.BOM_UTF8
ANN = {"email": "ann@example.com"}
CHANGE = {"action": "add", **ANN}
SECRET = "0123456789abcdef0123456789"
LINES = {"Content_Type": "application/x-ndjson"}
BODIES: list[tuple[str, bytes, dict[str, str]]] = [
    ("/v1/changes?audience=42", json.dumps({"changes": [CHANGE]}).encode(), {}),
    ("/v1/changes?audience=42", json.dumps(CHANGE).encode() + b"\n", LINES),
    (PATH, json.dumps(membership("ann@example.com")).encode(), {}),
    ("/v1/segment", json.dumps({"type": "identify", "userId": "1", "traits": ANN}).encode(), {}),
    ("/v1/segment", json.dumps({"batch": [{"type": "identify", "userId": "1", "traits": ANN}]}).encode(), {}),
    ("/v1/campaigns", json.dumps({"name": "x", "groups": [{"name": "A", "members": [ANN]}]}).encode(), {}),
]


@pytest.fixture(scope="module")
def intake(redis_server: str) -> Iterator[Intake]:
    secrets = (Token("segment", SECRET),)
    with running(known(redis_server, secret_keys=("a secret",), segment_secrets=secrets)) as started:
        yield started


def told(answer: requests.Response) -> tuple[int, Any]:
    body = answer.json()
    members = [each["members"] for each in body.get("syncs", ())]
    return answer.status_code, (body.get("accepted"), body.get("rejected"), body.get("dead"), members)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(("path", "body", "headers"), BODIES)
def test_a_body_with_a_mark_is_taken_as_one_without(
    intake: Intake, redis: Redis, path: str, body: bytes, headers: dict[str, str], packed: bool
) -> None:
    expected = told(intake.post(path, body, **headers))
    assert expected[0] in (200, 202)
    if packed:
        found = intake.post(path, gzip.compress(MARK + body), Content_Encoding="gzip", **headers)
    else:
        found = intake.post(path, MARK + body, **headers)
    assert told(found) == expected


@pytest.mark.parametrize(("path", "body", "headers"), BODIES)
def test_two_marks_are_one_too_many(
    intake: Intake, redis: Redis, path: str, body: bytes, headers: dict[str, str]
) -> None:
    answer = intake.post(path, MARK + MARK + body, **headers)
    assert answer.status_code == 400 or len(answer.json()["rejected"]) == 1


def test_without_a_token_a_mark_is_read_over_too(intake: Intake) -> None:
    asked = MARK + b'{"type":"module_registration_request"}'
    assert intake.post(PATH, asked, token="").status_code == 200
    body = MARK + b'{"type":"page"}'
    signed = hmac.new(SECRET.encode(), body, "sha1").hexdigest()
    assert intake.post("/v1/segment", body, token="", X_Signature=signed).status_code == 200
    stripped = hmac.new(SECRET.encode(), body.removeprefix(MARK), "sha1").hexdigest()
    assert intake.post("/v1/segment", body, token="", X_Signature=stripped).status_code == 401, "signed is what came"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/csv", b"email\r\nann@example.com\r\n"),
        ("application/x-ndjson", b'{"email":"ann@example.com"}\n'),
        ("application/json", b'{"members":[{"email":"ann@example.com"}]}'),
    ],
)
def test_a_snapshot_keeps_its_mark_for_the_worker_who_reads_over_it(
    intake: Intake, redis: Redis, kind: str, body: bytes
) -> None:
    answer = intake.put("/v1/audiences/42/members", MARK + body, Content_Type=kind).json()
    assert b"".join(orders.body(redis, answer["snapshot"])) == MARK + body  # read: test_snapshot_json, _csv


def test_the_operators_api_reads_over_a_mark_and_refuses_names_that_stand_twice(redis_url: str, redis: Redis) -> None:
    with console(redis_url) as served:
        assert hold(served, MARK + b'{"reason":"x"}').status_code == 200
        refused = hold(served, b'{"reason":"x","reason":"y"}')
        assert refused.status_code == 400
        assert "$.reason: appears twice" in refused.json()["error"]["description"]
        refused = hold(served, b'{"reason":"x","reasn":"y"}')
        assert "reasn: Unknown field; is reason meant?" in refused.json()["error"]["description"]


def hold(served: Console, body: bytes) -> requests.Response:
    headers = served.bearer(Role.OPERATOR) | {"Content-Type": "application/json"}
    return requests.post(f"{served.url}/v1/connections/default/hold", body, headers=headers, timeout=30)


def test_files_that_commands_and_settings_read_may_have_one(redis_url: str, tmp_path: Path) -> None:
    (tmp_path / "message.json").write_bytes(MARK + json.dumps({"changes": [CHANGE], "audience": {"id": 42}}).encode())
    shown = ferry(redis_url, tmp_path, "preview", "--source", "changes", str(tmp_path / "message.json"))
    assert json.loads(shown.stdout)["queues"][0]["queue"] == "default/audience/42"
    (tmp_path / "connections.toml").write_bytes(MARK + b'[connections."brand-b"]\nflush_size = 7\n')
    assert load(tmp_path / "connections.toml", Connection("default")).named("brand-b").policy.size == 7
