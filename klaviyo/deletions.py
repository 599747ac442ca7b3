"""Erasure of a person on request (Klaviyo: data privacy deletion)."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from klaviyo.calls import Caller
from klaviyo.endpoints import DELETION
from klaviyo.errors import NotAccepted
from klaviyo.outcomes import Gone

#: `id` is Klaviyo's id of a profile. Klaviyo cannot erase by the id of another system.
Identifier = Literal["email", "phone_number", "id"]


def request(call: Caller, identifier: Identifier, value: str) -> bool:
    """Ask Klaviyo to erase the people with this identifier: True when it will, False when it knows nobody by it.

    Klaviyo takes one identifier a request and erases later, without a job to poll. Raises NotAccepted, with Dead when
    the identifier is malformed.
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
