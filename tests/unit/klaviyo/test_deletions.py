"""Erasure: one identifier a request, and nobody left to erase is success."""

from __future__ import annotations

import json
from typing import Any

import pytest
import responses

from klaviyo.errors import NotAccepted
from klaviyo.outcomes import UNEXPECTED, Dead, HoldNeeded, Outcome, Retry
from klaviyo.profiles import Identifier
from tests.support.answered import URL, client

DELETIONS = f"{URL}/api/data-privacy-deletion-jobs"


@pytest.mark.parametrize(
    ("identifier", "value", "profile"),
    [
        ("email", "ada@example.com", {"attributes": {"email": "ada@example.com"}}),
        ("phone_number", "+12125560100", {"attributes": {"phone_number": "+12125560100"}}),
        ("id", "01GDDKASAP8TKDDA2GRZDSVP4H", {"id": "01GDDKASAP8TKDDA2GRZDSVP4H", "attributes": {}}),
    ],
)
@responses.activate
def test_a_person_is_named_by_exactly_one_identifier(
    identifier: Identifier, value: str, profile: dict[str, Any]
) -> None:
    responses.post(DELETIONS, status=202)
    assert client().delete_person(identifier, value) is True
    body = responses.calls[0].request.body
    assert isinstance(body, bytes)
    document = {
        "type": "data-privacy-deletion-job",
        "attributes": {"profile": {"data": {"type": "profile", **profile}}},
    }
    assert json.loads(body) == {"data": document}


@responses.activate
def test_a_person_klaviyo_does_not_know_needs_no_erasure() -> None:
    responses.post(DELETIONS, status=404, json=problem("not_found"))
    assert client().delete_person("email", "ada@example.com") is False


@pytest.mark.parametrize("body", [b"<html>Not found</html>", b'{"errors":[]}', b'{"errors":[{"code":"no_revision"}]}'])
@responses.activate
def test_an_operation_klaviyo_does_not_know_is_not_taken_for_an_erased_person(body: bytes) -> None:
    responses.post(DELETIONS, status=404, body=body)
    outcome = refusal()
    assert isinstance(outcome, HoldNeeded)
    assert outcome.reason == "revision"


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, UNEXPECTED),
        (400, Dead("invalid", "d", "e")),
        (429, Retry(60.0, counts=False, why="throttled")),
        (500, Retry(None, counts=True, why="http_500")),
    ],
)
@responses.activate
def test_nothing_else_is_taken_for_an_erasure(status: int, outcome: Outcome) -> None:
    responses.post(DELETIONS, status=status, json=problem("invalid"))
    assert refusal() == outcome


def problem(code: str) -> dict[str, Any]:
    return {"errors": [{"id": "e", "code": code, "detail": "d", "source": {"pointer": "/data/"}}]}


def refusal() -> Outcome:
    with pytest.raises(NotAccepted) as refused:
        client().delete_person("email", "ada@example.com")
    return refused.value.outcome
