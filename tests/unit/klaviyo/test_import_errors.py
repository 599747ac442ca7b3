"""Ids and codes of import errors reach log lines and lists of dead letters: what could be anything else is dropped."""

from __future__ import annotations

import pytest
import responses

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
