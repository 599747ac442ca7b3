"""Erasure of a person on request (Klaviyo: data privacy deletion)."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from klaviyo.calls import Caller
from klaviyo.endpoints import DELETION
from klaviyo.errors import NotAccepted
from klaviyo.outcomes import Gone

#: `id` is Klaviyo's own id of a profile; no other system's id leads to anybody.
Identifier = Literal["email", "phone_number", "id"]


def request(call: Caller, identifier: Identifier, value: str) -> bool:
    """Have everybody with this identifier erased: True when Klaviyo will do it, False when it knows nobody by it.

    Klaviyo takes one identifier a request and erases later, without a job to poll. Raises NotAccepted, with Dead when
    the identifier is none.
    """
    profile: dict[str, Any] = {"type": "profile", "attributes": {}}
    (profile if identifier == "id" else profile["attributes"])[identifier] = value
    document = {"type": "data-privacy-deletion-job", "attributes": {"profile": {"data": profile}}}
    try:
        call(DELETION, body=msgspec.json.encode({"data": document}))
    except NotAccepted as refusal:
        if not isinstance(refusal.outcome, Gone):
            raise
        return False
    return True
