"""Ids and codes of import errors reach log lines and lists of dead letters: what could be anything else is dropped."""

from __future__ import annotations

from typing import Any

import pytest
import responses

from klaviyo.imports import RowFailure, RowFinder
from tests.support.answered import URL, client

ERRORS = f"{URL}/api/profile-bulk-import-jobs/job-1/import-errors"
UUID = "88270565-dd61-4608-a44c-2631268b65d4"


@pytest.mark.parametrize("odd", ["ada@example.com", "+14155552671", "two words", "x" * 65, "a\nb", ""])
@responses.activate
def test_what_does_not_look_like_an_id_or_a_code_is_dropped(odd: str) -> None:
    bodies = [{"id": UUID, "attributes": {"code": "blocked"}}, {"id": odd, "attributes": {"code": odd}}]
    responses.get(ERRORS, json={"data": bodies, "links": {"next": None}})
    sound, strange = client().import_errors("job-1")
    assert (sound.error_id, sound.code) == (UUID, "blocked")
    assert (strange.error_id, strange.code) == ("", "")


@pytest.mark.parametrize(
    ("payload", "index", "place"),
    [
        ({"attributes": {"external_id": None, "phone_number": None}}, 0, 0),
        ({"attributes": {"external_id": "None"}}, 0, 1),
        ({"email": "ADA@example.com"}, None, 0),
        (None, 2, None),
        (None, None, None),
    ],
)
def test_an_identifier_that_klaviyo_shows_as_null_is_nobodys(
    payload: dict[str, Any] | None, index: int | None, place: int | None
) -> None:
    rows = [{"email": "ada@example.com"}, {"email": "bo@example.com", "external_id": "None"}]
    assert RowFinder(rows)(RowFailure("invalid", "", payload, index, "")) == place
