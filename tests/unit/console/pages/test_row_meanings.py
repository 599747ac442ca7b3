"""Why rows of a snapshot cannot be sent, for people."""

from __future__ import annotations

import pytest

from console.pages.query_run_view import row_meaning
from mappings.errors import Reason

OTHER = row_meaning("a reason that no version has")
#: What a row can lack or have in its identifiers, and what the mapping refuses of a whole person.
OF_ROWS = [
    *("identity_missing", "email_missing", "identifier_blocked", "ambiguous_person", "profile_too_large"),
    *("email_hashed", "email_invalid", "phone_hashed", "phone_invalid"),
    *("external_id_hashed", "external_id_invalid", "external_id_too_long"),
    *("no_email", "no_identifier", "attribute_too_large", "fragment_unreadable", "mapping_failed"),
]


@pytest.mark.parametrize("reason", OF_ROWS)
def test_each_reason_of_a_row_has_its_own_sentence_with_a_remedy(reason: str) -> None:
    said = row_meaning(reason)
    assert said != OTHER
    assert ": " in said
    assert said.endswith(".")


@pytest.mark.parametrize("reason", [*OF_ROWS, *Reason, "a reason that no version has"])
def test_no_row_is_said_to_have_been_at_klaviyo_or_to_be_a_letter(reason: str) -> None:
    for word in ("letter", "replay", "Klaviyo's", "CDP"):
        assert word not in row_meaning(reason)
