"""The messages posted to `/v1/campaigns`: people in groups, each of which becomes a list."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from intake.http import faults
from intake.http.limits import AUDIENCE_ID, AUDIENCE_NAME, AUDIENCES, GROUPS
from intake.openapi.schemas import Schema, ref, requests

#: The allowed values of `lists`, for messages.
LISTS: Final = "per_group, merged"
Name = Annotated[str, Meta(min_length=1, max_length=AUDIENCE_NAME)]
AudienceId = Annotated[str, Meta(min_length=1, max_length=AUDIENCE_ID)]
#: The parts of a group: name -> percent.
Parts = Annotated[dict[Name, Annotated[int, Meta(ge=1, le=99)]], Meta(min_length=2, max_length=GROUPS)]
_SPLIT: Final = 'name two parts or more with whole percentages from 1 to 99, 100 in all: {"Offer": 90, "Control": 10}'
_GroupRaw = Annotated[Raw, Meta(extra_json_schema=ref("CampaignGroup"))]
_MemberRaw = Annotated[Raw, Meta(extra_json_schema=ref("SnapshotMember"))]
_PersonRaw = Annotated[Raw, Meta(extra_json_schema={"type": "object", "examples": [{"external_id": "c-17"}]})]
_EXAMPLE: Final[Schema] = {
    "name": "Summer sale",
    "groups": [
        {"name": "20 percent", "members": [{"email": "ann@example.com", "first_name": "Ann"}]},
        {"name": "control", "members": [{"email": "bob@example.com"}]},
    ],
    "exclusions": [{"external_id": "c-17"}],
    "attributes": ["first_name"],
    "launch_at": "2026-12-01T08:00:00Z",
}


class PostedCampaign(msgspec.Struct, forbid_unknown_fields=True):
    """A campaign: people in groups. Groups, their members and exclusions are read one by one."""

    name: Name
    groups: Annotated[list[_GroupRaw], Meta(min_length=1, max_length=GROUPS)]
    connection: Annotated[str | None, Meta(description="default when left out.")] = None
    exclusions: Annotated[
        list[_PersonRaw] | None,
        Meta(description="People who share an email, phone or external_id with one of these are in no list."),
    ] = None
    excluded_audiences: Annotated[
        Annotated[list[AudienceId], Meta(max_length=AUDIENCES)] | None,
        Meta(description="Ids of audiences of the connection whose members are in no list."),
    ] = None
    attributes: Annotated[
        list[Name] | None, Meta(description="The attributes to send; the connection's setting when left out.")
    ] = None
    lists: Annotated[
        Literal["per_group", "merged"], Meta(description="One list for each group, or one list for all groups.")
    ] = "per_group"
    list_name: Annotated[
        str | None,
        Meta(
            description="Template of a list's name. It may use {{ campaign_name }}, {{ group_name }} and "
            "{{ now|format'yyyy-mm-dd' }}. Default: {{ campaign_name }} - {{ group_name }}, or {{ campaign_name }} "
            "for a merged list. Without a date in it, the next campaign of that name updates the same lists."
        ),
    ] = None
    exclusive: Annotated[
        bool, Meta(description="true: people who are in several groups are on the list of the first of them only.")
    ] = False
    launch_at: Annotated[
        str | int | None,
        Meta(description="ISO 8601, or ms since 1970: nothing is sent before this time. Now when left out."),
    ] = None
    confirm: Annotated[bool, Meta(description="true: no confirmation is needed, however many people leave a list.")] = (
        False
    )


class CampaignGroup(msgspec.Struct, forbid_unknown_fields=True):
    """A group of people in a campaign: either `members` or the members of an `audience`.

    Each of `members` has the form of an NDJSON line of a snapshot.
    """

    name: Name
    members: list[_MemberRaw] | UnsetType = UNSET
    audience: Annotated[
        AudienceId | UnsetType,
        Meta(
            description="Id of an audience of the connection: the people on its list now. It must have had a snapshot, "
            "and none of its changes may be pending."
        ),
    ] = UNSET
    split: Annotated[
        Parts | None,
        Meta(
            description="Divides the group into parts, name -> percent, 100 in all; each becomes a group "
            "`GROUP - PART`. A person is always in the same part of a campaign of that name.",
            examples=[{"Offer": 90, "Control": 10}],
        ),
    ] = None


_posted = msgspec.json.Decoder(PostedCampaign)
_group = msgspec.json.Decoder(CampaignGroup)


def read(body: bytes) -> tuple[PostedCampaign, list[CampaignGroup]]:
    """Read a campaign and its groups. Raises falcon.HTTPBadRequest naming the place."""
    faults.check_text(body)
    try:
        posted = _posted.decode(body)
    except faults.UNREADABLE as fault:
        detail = faults.describe(fault, known=PostedCampaign.__struct_fields__)
        raise faults.bad_request(
            f"{detail}; it must be one of {LISTS}" if detail.startswith("$.lists:") else detail
        ) from None
    faults.check_names(body, apart=("groups", "exclusions"))
    return posted, [_read_group(raw, f"$.groups[{index}]") for index, raw in enumerate(posted.groups)]


def _read_group(raw: Raw, place: str) -> CampaignGroup:
    try:
        group = _group.decode(raw)
    except faults.UNREADABLE as fault:
        detail = faults.describe(fault, place, CampaignGroup.__struct_fields__)
        about_split = detail.startswith((f"{place}.split:", f"{place}.split["))
        raise faults.bad_request(f"{place}.split: {_SPLIT}" if about_split else detail) from None
    faults.check_names(raw, apart=("members",), place=place)
    if (group.members is UNSET) is (group.audience is UNSET):
        raise faults.bad_request(f"{place}: needs either members or audience")
    if group.split and sum(group.split.values()) != 100:
        raise faults.bad_request(f"{place}.split: the parts are {sum(group.split.values())} percent, not 100")
    return group


def schemas() -> Schema:
    """Return the schemas of campaigns for the OpenAPI document."""
    found = requests(Campaign=PostedCampaign, CampaignGroup=CampaignGroup)
    found["Campaign"]["example"] = _EXAMPLE
    return found
