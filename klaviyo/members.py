"""Members of a list: what they can be looked up by, and their removal.

A removal is never an unsubscribe: Klaviyo's bulk unsubscribe unsubscribes people who are not on the named list from
everything.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from klaviyo.bulk import chunks
from klaviyo.calls import Caller
from klaviyo.endpoints import REMOVE_MEMBERS

#: The most profile ids in one removal (Klaviyo: remove profiles from list).
MAX_REMOVALS = 1_000

#: What a list's members can be looked up by; an external id is not possible.
Field = Literal["email", "phone_number"]


def remove_members(call: Caller, list_id: str, profile_ids: Sequence[str]) -> None:
    """Take profiles off the list; their consent and suppression stay. Raises NotAccepted.

    It is safe to repeat: when one of several calls fails, repeat all of them.
    """
    for part in chunks(profile_ids, MAX_REMOVALS, MAX_REMOVALS * 1_000):
        people = [{"type": "profile", "id": profile_id} for profile_id in part]
        call(REMOVE_MEMBERS, list_id, body=msgspec.json.encode({"data": people}))
