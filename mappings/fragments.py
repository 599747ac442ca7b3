"""What the queue keeps of a person: the CDP's own JSON object, byte for byte as it came."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from mappings.errors import Reason, Rejected

_DECODER = msgspec.json.Decoder()


def decode(fragment: bytes) -> dict[str, Any]:
    """The fragment as an object; raises Rejected(fragment_unreadable) when it is none.

    Intake stores a person without looking into every value, so one with a lone surrogate, a broken byte or a number
    beyond any float may arrive. The standard library reads these where msgspec refuses the whole person for them;
    the mapping then leaves out what Klaviyo cannot take.
    """
    try:
        try:
            decoded = _DECODER.decode(fragment)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            decoded = json.loads(fragment.decode(errors="replace"))
    except (ValueError, RecursionError) as error:
        raise unreadable("is not JSON, or nested beyond reading") from error
    if not isinstance(decoded, dict):
        raise unreadable("is no JSON object")
    return decoded


def unreadable(what: str, field: str | None = None) -> Rejected:
    """The error for a fragment that no correction of a mapping will make readable."""
    return Rejected(
        Reason.FRAGMENT_UNREADABLE,
        field,
        f"the stored person {what}; send the person again in the documented form",
    )
