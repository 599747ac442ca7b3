"""Why a row of a snapshot cannot be sent, for people. Pure.

Klaviyo has not seen such a row, and there is no dead letter of it.
"""

from __future__ import annotations

from typing import Final

_HASHED: Final = "is a hash, which Klaviyo does not accept: export it raw"
#: Reason -> one sentence.
_MEANING: Final = {
    "identity_missing": "The row has no e-mail, phone number or id: export one of them.",
    "email_missing": "The row has no e-mail: export it.",
    "identifier_blocked": "The row has only a value that identifies nobody, such as 0 or null: export the e-mail.",
    "ambiguous_person": "The row has no e-mail, and its id or phone belongs to several people: export the e-mail.",
    "email_hashed": f"The e-mail {_HASHED}.",
    "phone_hashed": f"The phone number {_HASHED}.",
    "external_id_hashed": f"The external id {_HASHED}.",
    "email_invalid": "Klaviyo does not accept this e-mail: correct it in the source.",
    "phone_invalid": "The phone number is invalid, or lacks its country: correct it in the source, or set "
    "`default_country` for the connection.",
    "external_id_invalid": "Klaviyo does not accept this external id: correct it in the source.",
    "external_id_too_long": "The external id is longer than Klaviyo accepts: correct it in the source.",
    "no_email": "The row has no e-mail: export it.",
    "no_identifier": "The row has no e-mail, phone number or id: export one of them.",
    "attribute_too_large": "An attribute is larger than Klaviyo accepts: export a shorter one.",
    "profile_too_large": "The row is larger than Klaviyo accepts: export fewer or shorter attributes.",
    "mapping_failed": "A defect in Ferry: report it.",
    "fragment_unreadable": "The row cannot be read as a person: correct it in the source.",
}


def row_meaning(reason: str) -> str:
    """Return one sentence about a reason, without personal data."""
    return _MEANING.get(reason, "Ferry cannot send the row: correct it in the source.")
