"""What Segment's request to delete a user comes to (Segment: user deletion and suppression)."""

from __future__ import annotations

from typing import Any, Final

from mappings import contact, segment_paths
from mappings.segment_routed import Routed, identities, nobody

#: Segment itself sends the user id alone; other senders know more.
_FIELDS: Final = {
    "email": ("$.traits.email", "$.context.traits.email"),
    "phone_number": ("$.traits.phone", "$.context.traits.phone"),
    "external_id": ("$.userId",),
}
_PATHS: Final = {name: tuple(map(segment_paths.parse_path, texts)) for name, texts in _FIELDS.items()}


def erasure(message: dict[str, Any]) -> Routed:
    """The person to forget; dead on arrival where nothing identifies one."""
    fields = {name: value for name in _PATHS if (value := _first(name, message))}
    # The phone always, for what waits may be known by nothing else, such as a consent to SMS.
    phone = (("phone", fields["phone_number"]),) if "phone_number" in fields else ()
    known = tuple(dict.fromkeys((*identities(fields, message), *phone)))
    return Routed("erasure", "erase", fields, known, **nobody("erasure", fields))


def _first(name: str, message: dict[str, Any]) -> str | None:
    found = (contact.text(segment_paths.resolve(path, message)) for path in _PATHS[name])
    return next((value for value in found if value), None)
