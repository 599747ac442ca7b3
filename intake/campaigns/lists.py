"""The lists of a campaign and their names."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from intake.campaigns.messages import CampaignGroup, PostedCampaign
from intake.http import faults
from intake.http.limits import GROUPS
from mappings.values import visible
from snapshots import templates
from snapshots.rows import TemplateError

_PER_GROUP: Final = "{{ campaign_name }} - {{ group_name }}"
_MERGED: Final = "{{ campaign_name }}"
_SIGNS: Final = re.compile(r"[^a-z0-9]+")
#: Characters of a name in an id.
_SLUG: Final = 60


class CampaignList(NamedTuple):
    """A list of a campaign. `audience`: id of the audience for the list. `group`: empty when the list has all groups.

    `groups`: the groups on it, each after its place, for messages. `part`: the part of the group, if it is divided.
    """

    audience: str
    group: str
    list_name: str
    groups: Sequence[tuple[str, CampaignGroup]]
    part: str = ""

    @property
    def place(self) -> str:
        """The place of its first group, and its part, for messages."""
        return f"{self.groups[0][0]}, part {visible(self.part)}" if self.part else self.groups[0][0]


def targets(posted: PostedCampaign, groups: Sequence[CampaignGroup], now: int) -> list[CampaignList]:
    """Return the lists of a campaign. `now`: ms.

    Raises falcon.HTTPBadRequest for an invalid list name, or a name that two lists share.
    """
    placed = [(f"$.groups[{index}]", group) for index, group in enumerate(groups)]
    if posted.lists == "merged":
        if place := next((place for place, group in placed if group.split), ""):
            raise faults.bad_request(f"{place}.split: the groups are merged; leave out split or lists")
        return [_target(posted, "", _MERGED, placed, now)]
    if (parts := sum(len(group.split or "1") for group in groups)) > GROUPS:
        raise faults.bad_request(f"$.groups: they have {parts:,} parts in all, and at most {GROUPS:,} are taken")
    found = [
        _target(posted, f"{group.name} - {part}" if part else group.name, _PER_GROUP, [(place, group)], now, part)
        for place, group in placed
        for part in group.split or ("",)
    ]
    _check_apart(found)
    return found


def _target(
    posted: PostedCampaign,
    group: str,
    usual: str,
    groups: Sequence[tuple[str, CampaignGroup]],
    now: int,
    part: str = "",
) -> CampaignList:
    time = datetime.fromtimestamp(now / 1000, UTC)
    try:
        name = templates.name(visible(posted.list_name) or usual, posted.name, group, time)
    except TemplateError as fault:
        raise faults.bad_request(f"$.list_name: {fault}") from None
    return CampaignList(_audience(name), group, name, groups, part)


def _audience(list_name: str) -> str:
    """Return the audience id of a list: always the same, so that the next campaign replaces the members of the list.

    The campaign is not part of the id: two membership ledgers for one list would each claim the members of the other.
    """
    digest = hashlib.blake2b(list_name.encode(), digest_size=6).hexdigest()
    return f"campaign:{_slug(list_name)}-{digest}"


def _slug(name: str) -> str:
    return _SIGNS.sub("-", name.lower()).strip("-")[:_SLUG]


def _check_apart(found: Sequence[CampaignList]) -> None:
    """Raise falcon.HTTPBadRequest for two groups with one list: each would remove the members of the other."""
    first: dict[str, CampaignList] = {}
    for target in found:
        if (earlier := first.setdefault(target.list_name, target)) is not target:
            raise faults.bad_request(
                f"{target.place}: its list has the same name as that of {earlier.place}; put "
                '{{ group_name }} into list_name and give each group its own name, or set "lists": "merged"'
            )
