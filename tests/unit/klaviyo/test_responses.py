"""Every kind of answer of Klaviyo, and what Ferry does next."""

from __future__ import annotations

import json
from typing import Any

import pytest

from klaviyo.endpoints import (
    ACCOUNTS,
    BULK_EVENTS,
    BULK_IMPORT,
    CREATE_LIST,
    IMPORT_JOB,
    LIST,
    LIST_PROFILES,
    LISTS,
    PROFILE_IMPORT,
    REMOVE_MEMBERS,
    Endpoint,
)
from klaviyo.outcomes import (
    UNEXPECTED,
    Accepted,
    Bisect,
    Conflict,
    Dead,
    Gone,
    HoldNeeded,
    Outcome,
    Retry,
    RowError,
    Rows,
    Split,
)
from klaviyo.responses import classify

NOW = 1_800_000_000.0
ROW = "/data/attributes/profiles/data/{}/attributes/email"
CHALLENGE = b"<!DOCTYPE html><title>Just a moment...</title>"


def error(code: str = "invalid", pointer: str = "/data/", **more: Any) -> dict[str, Any]:
    return {"id": "e-1", "code": code, "title": "t", "detail": "d", "source": {"pointer": pointer}, **more}


def errors(*found: dict[str, Any]) -> bytes:
    return json.dumps({"errors": found}).encode()


CLASH = errors(error("duplicate_profile", meta={"duplicate_profile_id": "P1"}))


def judge(endpoint: Endpoint, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> Outcome:
    return classify(status, headers or {}, body, endpoint=endpoint, now=NOW)


@pytest.mark.parametrize(
    ("endpoint", "status", "body", "outcome"),
    [
        (BULK_IMPORT, 202, b'{"data":{"id":"j"}}', Accepted({"data": {"id": "j"}})),
        (REMOVE_MEMBERS, 204, b"", Accepted({})),
        # A success that is not the promised one is none.
        (BULK_IMPORT, 200, b'{"data":{"id":"j"}}', UNEXPECTED),
        (BULK_IMPORT, 202, b"", UNEXPECTED),
        (BULK_IMPORT, 202, b"<html>maintenance</html>", UNEXPECTED),
        (BULK_IMPORT, 202, b'{"data":{"id":', UNEXPECTED),
        (BULK_IMPORT, 202, b'{"errors":[]}', UNEXPECTED),
        (BULK_IMPORT, 202, b'["data"]', UNEXPECTED),
        (BULK_IMPORT, 202, b'"\xff"', UNEXPECTED),
        (BULK_IMPORT, 202, b"[" * 100_000, UNEXPECTED),
        (BULK_IMPORT, 204, b"", UNEXPECTED),
        (REMOVE_MEMBERS, 200, b"{}", UNEXPECTED),
        # Nothing in a refusal that cannot be pinned to a person may cost a person's change.
        (BULK_IMPORT, 400, errors(error(pointer="/data")), Bisect("invalid", "d", "/data", "e-1")),
        (BULK_IMPORT, 400, b"<html>", Bisect("bad_request", "", "", "")),
        (REMOVE_MEMBERS, 400, errors(error()), Bisect("invalid", "d", "/data/", "e-1")),
        (BULK_IMPORT, 409, errors(error("duplicate_profile")), Dead("identity_clash", "d", "e-1")),
        (BULK_IMPORT, 409, CLASH, Dead("identity_clash", "d", "e-1")),
        (PROFILE_IMPORT, 409, CLASH, Conflict("P1", "e-1")),
        (IMPORT_JOB, 404, errors(error("not_found")), Gone("e-1")),
        (IMPORT_JOB, 400, errors(error()), Gone("e-1")),
        (BULK_IMPORT, 413, b"", Split("too_large")),
        (LIST_PROFILES, 414, b"", Split("url_too_long")),
        (BULK_IMPORT, 403, CHALLENGE, Retry(300.0, counts=False, why="edge_block")),
        (BULK_IMPORT, 403, b'{"message":"Forbidden"}', Retry(300.0, counts=False, why="edge_block")),
        (BULK_IMPORT, 408, b"", Retry(None, counts=True, why="http_408")),
        (BULK_IMPORT, 425, b"", Retry(None, counts=True, why="http_425")),
        (BULK_IMPORT, 500, errors(error("error")), Retry(None, counts=True, why="http_500")),
        (BULK_IMPORT, 502, b"", Retry(None, counts=True, why="http_502")),
        (BULK_IMPORT, 503, b"<html>", Retry(None, counts=True, why="http_503")),
        (BULK_IMPORT, 504, b"", Retry(None, counts=True, why="http_504")),
        (BULK_IMPORT, 524, b"", Retry(None, counts=True, why="http_524")),
        (BULK_IMPORT, 429, errors(error("throttled")), Retry(60.0, counts=False, why="throttled")),
    ],
)
def test_an_answer_becomes_the_next_step(endpoint: Endpoint, status: int, body: bytes, outcome: Outcome) -> None:
    assert judge(endpoint, status, body) == outcome


@pytest.mark.parametrize(
    ("endpoint", "status", "body", "scope", "reason"),
    [
        (BULK_IMPORT, 401, errors(error("authentication_failed")), "connection", "unauthenticated"),
        (BULK_IMPORT, 401, b"<html>", "connection", "unauthenticated"),
        (BULK_IMPORT, 400, errors(error("authentication_failed")), "connection", "unauthenticated"),
        (LISTS, 400, errors(error("not_authenticated")), "connection", "unauthenticated"),
        (BULK_IMPORT, 403, errors(error("permission_denied")), "connection", "forbidden"),
        (CREATE_LIST, 403, errors(error("forbidden")), "connection", "forbidden"),
        (BULK_EVENTS, 403, errors(error("permission_denied")), "queue", "forbidden"),
        (
            BULK_IMPORT,
            400,
            errors(error(pointer="/data/relationships/lists/data/0/id"), error(pointer=ROW.format(0))),
            "list",
            "list_gone",
        ),
        (BULK_IMPORT, 404, errors(error("not_found", "/data/relationships/lists/data/0")), "list", "list_gone"),
        (LIST, 404, errors(error("not_found")), "list", "list_gone"),
        (LIST_PROFILES, 404, errors(error("not_found")), "list", "list_gone"),
        (REMOVE_MEMBERS, 404, errors(error("not_found")), "list", "list_gone"),
        (CREATE_LIST, 400, errors(error(pointer="/data/attributes/name")), "list", "list_refused"),
        (LISTS, 400, errors(error()), "list", "list_refused"),
        (BULK_IMPORT, 404, errors(error("not_found")), "connection", "revision"),
        (LISTS, 404, errors(error("not_found")), "connection", "revision"),
        (LIST, 404, b"<html>", "connection", "revision"),
        (IMPORT_JOB, 404, errors(error("no_revision")), "connection", "revision"),
        (BULK_IMPORT, 410, b"", "connection", "revision"),
        (ACCOUNTS, 400, errors(error()), "connection", "contract"),
        (BULK_IMPORT, 405, errors(error("method_not_allowed")), "connection", "contract"),
        (BULK_IMPORT, 415, errors(error("unsupported_media_type")), "connection", "contract"),
        (BULK_IMPORT, 451, b"", "connection", "contract"),
        (BULK_IMPORT, 301, b"", "connection", "redirected"),
        (BULK_IMPORT, 307, b"", "connection", "redirected"),
    ],
)
def test_an_answer_that_no_repetition_can_mend_is_a_hold(
    endpoint: Endpoint, status: int, body: bytes, scope: str, reason: str
) -> None:
    outcome = judge(endpoint, status, body)
    assert isinstance(outcome, HoldNeeded)
    assert (outcome.scope, outcome.reason) == (scope, reason)
    assert outcome.resolve


def test_every_row_that_is_pointed_at_is_named() -> None:
    body = errors(error(pointer=ROW.format(3)), error(pointer="/data"), error("other", ROW.format(17)))
    assert judge(BULK_IMPORT, 400, body) == Rows(
        (
            RowError(3, "invalid", "d", ROW.format(3), "e-1"),
            RowError(17, "other", "d", ROW.format(17), "e-1"),
        )
    )


def test_a_challenge_of_the_edge_is_not_taken_for_a_verdict_on_the_key() -> None:
    headers = {"CF-Mitigated": "challenge"}
    outcome = judge(BULK_IMPORT, 403, errors(error("permission_denied")), headers)
    assert outcome == Retry(300.0, counts=False, why="edge_block")


@pytest.mark.parametrize(
    ("endpoint", "after", "why"),
    [
        (CREATE_LIST, "1", "throttled"),
        (CREATE_LIST, "60", "throttled"),
        (CREATE_LIST, "3600", "daily_limit"),
        (BULK_IMPORT, "3600", "throttled"),
    ],
)
def test_a_long_wait_to_create_a_list_is_the_daily_limit(endpoint: Endpoint, after: str, why: str) -> None:
    outcome = judge(endpoint, 429, headers={"retry-after": after})
    assert outcome == Retry(float(after), counts=False, why=why)


def test_a_server_error_may_say_how_long_to_wait() -> None:
    assert judge(BULK_IMPORT, 503, headers={"Retry-After": "2.5"}) == Retry(2.5, counts=True, why="http_503")
