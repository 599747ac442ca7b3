"""One person at a time: fields are emptied of the profile that is named by one thing, and by nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest
import responses

from klaviyo.errors import NotAccepted
from klaviyo.outcomes import Conflict, Dead, Gone, Outcome
from tests.support.answered import URL, client

IMPORT = f"{URL}/api/profile-import"
ONE = f"{URL}/api/profiles/P1"
STORED = {"data": {"type": "profile", "id": "P1", "attributes": {}}}
FIELDS = ["first_name", "location.region", "location.city"]
EMPTY = {"first_name": None, "location": {"region": None, "city": None}}


def sent() -> Any:
    (call,) = responses.calls
    body = call.request.body
    assert isinstance(body, bytes)
    return json.loads(body)["data"]


@pytest.mark.parametrize("name", ["email", "external_id", "phone_number"])
@responses.activate
def test_fields_are_emptied_of_whoever_has_the_identifier(name: str) -> None:
    responses.post(IMPORT, status=200, json=STORED)
    client().clear_fields({name: "x"}, FIELDS)
    assert sent() == {"type": "profile", "attributes": {name: "x", **EMPTY}}


@responses.activate
def test_fields_are_emptied_of_the_profile_with_the_id_and_no_identifier_is_written() -> None:
    responses.patch(ONE, json=STORED)
    client().clear_fields({"id": "P1"}, FIELDS)
    assert sent() == {"type": "profile", "id": "P1", "attributes": EMPTY}


@pytest.mark.parametrize(
    "who", [{}, {"email": "a@example.com", "external_id": "c-1"}, {"id": "P1", "email": "a@b.com"}]
)
@responses.activate
def test_nobody_is_named_by_nothing_or_by_two_things(who: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="expected 1"):
        client().clear_fields(who, FIELDS)
    assert len(responses.calls) == 0


@pytest.mark.parametrize(
    ("status", "code", "outcome"),
    [
        (404, "not_found", Gone("e-1")),
        (400, "invalid", Dead("invalid", "d", "e-1")),
        (409, "duplicate_profile", Conflict("P2", "e-1")),
    ],
)
@responses.activate
def test_a_profile_that_is_refused_by_its_id_is_told_apart(status: int, code: str, outcome: Outcome) -> None:
    problem = {"id": "e-1", "code": code, "detail": "d", "meta": {"duplicate_profile_id": "P2"}}
    responses.patch(ONE, status=status, json={"errors": [problem]})
    with pytest.raises(NotAccepted) as refusal:
        client().clear_fields({"id": "P1"}, FIELDS)
    assert refusal.value.outcome == outcome
