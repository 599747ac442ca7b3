"""What is posted to `/v1/campaigns`: people in groups, each of which becomes a list."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Raw

from intake.http import faults
from intake.http.limits import AUDIENCE_NAME, GROUPS

#: What may stand in `lists`, for messages.
LISTS: Final = "per_group, merged"
Name = Annotated[str, Meta(min_length=1, max_length=AUDIENCE_NAME)]
Attribute = Annotated[str, Meta(min_length=1, max_length=AUDIENCE_NAME)]


class Posted(msgspec.Struct, forbid_unknown_fields=True):
    """A campaign. Groups, their members and exclusions are read one by one later.

    `lists`: one for each group, or one for all of them. `list_name`: template of their names. `attributes`: those to
    send, None for what the connection has. `launch_at`: ISO 8601, or ms since 1970; at once when left out.
    """

    name: Name
    groups: Annotated[list[Raw], Meta(min_length=1, max_length=GROUPS)]
    connection: str | None = None
    exclusions: list[Raw] | None = None
    attributes: list[Attribute] | None = None
    lists: Literal["per_group", "merged"] = "per_group"
    list_name: str | None = None
    launch_at: str | int | None = None
    confirm: bool = False


class Group(msgspec.Struct, forbid_unknown_fields=True):
    """People of a campaign who are treated alike. Each member as a line of NDJSON has it."""

    name: Name
    members: list[Raw]


_posted = msgspec.json.Decoder(Posted)
_group = msgspec.json.Decoder(Group)


def read(body: bytes) -> tuple[Posted, list[Group]]:
    """A campaign and its groups. Raises falcon.HTTPBadRequest naming the place."""
    faults.check_text(body)
    try:
        posted = _posted.decode(body)
    except faults.UNREADABLE as fault:
        told = faults.describe(fault, known=Posted.__struct_fields__)
        raise faults.bad_request(
            f"{told}; it must be one of {LISTS}" if told.startswith("$.lists:") else told
        ) from None
    faults.check_names(body, apart=("groups", "exclusions"))
    return posted, [_read_group(raw, f"$.groups[{index}]") for index, raw in enumerate(posted.groups)]


def _read_group(raw: Raw, place: str) -> Group:
    try:
        group = _group.decode(raw)
    except faults.UNREADABLE as fault:
        raise faults.bad_request(faults.describe(fault, place, Group.__struct_fields__)) from None
    faults.check_names(raw, apart=("members",), place=place)
    return group
