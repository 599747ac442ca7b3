"""The lists of a campaign and their names."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from msgspec import Raw

from intake.campaigns.messages import CampaignGroup, PostedCampaign
from intake.http import faults
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

    `members`: the members of each group, after the place of the group, for messages.
    """

    audience: str
    group: str
    list_name: str
    members: Sequence[tuple[str, Sequence[Raw]]]


def targets(posted: PostedCampaign, groups: Sequence[CampaignGroup], now: int) -> list[CampaignList]:
    """Return the lists of a campaign. `now`: ms.

    Raises falcon.HTTPBadRequest for an invalid list name, or a name that two lists share.
    """
    members = [(f"$.groups[{index}]", group.members) for index, group in enumerate(groups)]
    if posted.lists == "merged":
        return [_target(posted, "", _MERGED, members, now)]
    found = [_target(posted, group.name, _PER_GROUP, [own], now) for group, own in zip(groups, members, strict=True)]
    _check_apart(found)
    return found


def _target(
    posted: PostedCampaign, group: str, usual: str, members: Sequence[tuple[str, Sequence[Raw]]], now: int
) -> CampaignList:
    time = datetime.fromtimestamp(now / 1000, UTC)
    try:
        name = templates.name(visible(posted.list_name) or usual, posted.name, group, time)
    except TemplateError as fault:
        raise faults.bad_request(f"$.list_name: {fault}") from None
    return CampaignList(_audience(name), group, name, members)


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
    first: dict[str, int] = {}
    for index, target in enumerate(found):
        if (earlier := first.setdefault(target.list_name, index)) != index:
            raise faults.bad_request(
                f"$.groups[{index}]: its list has the same name as that of $.groups[{earlier}]; put "
                '{{ group_name }} into list_name and give each group its own name, or set "lists": "merged"'
            )
