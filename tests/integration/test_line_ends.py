"""A JSON answer ends with a line end, so that the prompt after `curl` begins a new line; pages are as before."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from redis import Redis

from console.auth.roles import Role
from tests.support.console import Console, add_users
from tests.support.intake import Intake
from tests.support.posted import PATH, membership

ADDS = {"audience": {"id": "42"}, "changes": [{"action": "add", "email": "a@example.com"}]}


def check(answer: requests.Response, status: int) -> None:
    assert answer.status_code == status
    assert answer.content.endswith(b"}\n")
    assert not answer.content.endswith(b"\n\n")
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    answer.json()


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v1/changes", ADDS, 202),
        ("/v1/changes", "{", 400),
        ("/v1/changes?x=1", ADDS, 400),
        (PATH, membership("ann@example.com"), 202),
        (PATH, {"type": "module_registration_request", "firehose_version": "3.2.0"}, 200),
        ("/v1/segment", {"type": "identify", "userId": "u", "messageId": "m"}, 202),
        ("/v1/campaigns", {}, 400),
        ("/nothing", {}, 404),
        ("/healthz", {}, 405),
    ],
)
def test_answers_to_what_is_posted(redis: Redis, intake: Intake, path: str, body: Any, status: int) -> None:
    answer = intake.post(path, body)
    if status < 400:
        assert answer.ok
        status = answer.status_code
    check(answer, status)


@pytest.mark.parametrize(("path", "status"), [("/healthz", 200), ("/openapi.json", 200), ("/readyz", 503)])
def test_answers_to_what_is_asked(redis: Redis, intake: Intake, path: str, status: int) -> None:
    check(intake.get(path), status)


def test_a_refused_token(redis: Redis, intake: Intake) -> None:
    check(intake.post("/v1/changes", ADDS, token="wrong"), 401)


def test_the_operators_api(redis: Redis, served: Console) -> None:
    add_users(redis)
    headers = served.bearer(Role.VIEWER)
    check(requests.get(f"{served.url}/v1/queues", headers=headers, timeout=30), 200)
    check(requests.get(f"{served.url}/v1/dead/a/b/c/d", headers=headers, timeout=30), 404)


def test_a_page_is_as_it_was_rendered(redis: Redis, intake: Intake, served: Console) -> None:
    for url in (f"{intake.url}/docs", f"{served.url}/sign-in", f"{served.url}/static/ferry.css"):
        answer = requests.get(url, timeout=30)
        assert answer.ok
        assert not answer.content.endswith(b"\n\n")
