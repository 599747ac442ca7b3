"""What can still be read of a profile or an audience that is wrong somewhere."""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Raw

from intake.faults import UNREADABLE
from intake.mparticle_messages import NOTHING, AudienceId
from json_names import twice

#: Never stored: Klaviyo has no use for them.
_DROPPED: Final = ("device_identities", "partner_identities")


class _Addressed(msgspec.Struct):
    audience_id: AudienceId


_addressed = msgspec.json.Decoder(_Addressed)
_fields = msgspec.json.Decoder(dict[str, Raw])
_list = msgspec.json.Decoder(list[Raw])


def is_empty(raw: Raw) -> bool:
    """Whether nothing stands there: null or an empty object, which mParticle's own samples hold."""
    return bytes(raw).translate(None, b" \t\r\n") in (b"null", b"{}")


def audience_id(audience: Raw) -> str | None:
    """The audience that is meant; None when that is what is wrong."""
    try:
        found = _addressed.decode(audience).audience_id
        return None if ".audience_id" in twice(audience) else str(found)
    except UNREADABLE:
        return None


def audience_ids(profile: Raw) -> list[str | None]:
    """The audiences that a profile names, one None when that cannot be read."""
    try:
        audiences = _list.decode(_fields.decode(profile).get("audiences", NOTHING))
    except UNREADABLE:
        return [None]
    return [audience_id(audience) for audience in audiences if not is_empty(audience)] or [None]


def person(profile: Raw) -> bytes:
    """The profile as it came, without the devices."""
    try:
        fields = _fields.decode(profile)
    except UNREADABLE:
        return bytes(profile)
    return msgspec.json.encode({name: value for name, value in fields.items() if name not in _DROPPED})
