"""Turns a posted campaign into the snapshots of its lists, without touching Redis."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from configuration.connections import Connection
from intake.campaigns import lists, messages
from intake.campaigns import members as campaign_members
from intake.campaigns.lists import CampaignList
from intake.campaigns.members import GroupMember
from intake.campaigns.messages import PostedCampaign
from intake.changes.messages import planned
from intake.http import faults
from queues.names import Queue
from queues.snapshots.orders import SnapshotOrder, new_id, queue_of


class PlannedSnapshot(NamedTuple):
    """A snapshot to submit. `body`: NDJSON, one line per member. `excluded`: the number of members left out."""

    queue: Queue
    order: SnapshotOrder
    body: bytes
    members: int
    excluded: int


def read(body: bytes, choose: Callable[[str | None], Connection], now: int) -> list[PlannedSnapshot]:
    """Return the snapshots of a campaign, at least one. `now`: ms. `choose`: returns a connection by its name.

    Raises the falcon.HTTPError of a refused request. Nothing after this step refuses the content of a request.
    """
    posted, groups = messages.read(body)
    connection = choose(posted.connection)
    launch = _launch(posted)
    targets = lists.targets(posted, groups, now)
    out = campaign_members.excluded(posted.exclusions or (), connection)
    found: list[PlannedSnapshot] = []
    known: dict[str, list[GroupMember]] = {}
    for target in targets:
        queue = queue_of(connection.name, target.audience)
        members = _members(target, posted, connection, known)
        kept = campaign_members.kept(members, out)
        if posted.exclusive:
            out = out.and_all(person for member in kept for person in member.people)
        lines = [member.line for member in kept]
        order = _order(target, queue, posted, launch, now)
        found.append(PlannedSnapshot(queue, order, b"\n".join(lines), len(lines), len(members) - len(lines)))
    return found


def _members(
    target: CampaignList, posted: PostedCampaign, connection: Connection, known: dict[str, list[GroupMember]]
) -> list[GroupMember]:
    """Return the members of a list's groups, or of its part of a group. `known`: those read so far, by place."""
    found: list[GroupMember] = []
    for place, group in target.groups:
        if place not in known:
            known[place] = [*campaign_members.read(group.members, place, connection)]
        parts = group.split
        found += [each for each in known[place] if not parts or each.part(posted.name, parts) == target.part]
    return found


def _launch(posted: PostedCampaign) -> int:
    try:
        return 0 if posted.launch_at is None else planned(posted.launch_at)
    except ValueError as fault:
        raise faults.bad_request(f"$.launch_at: {fault}") from None


def _order(target: CampaignList, queue: Queue, posted: PostedCampaign, launch: int, now: int) -> SnapshotOrder:
    return SnapshotOrder(
        new_id(queue),
        now,
        "ndjson",
        attributes=None if posted.attributes is None else tuple(posted.attributes),
        confirmed=posted.confirm,
        not_before=launch,
        name=target.list_name,
        list_name=target.list_name,
        campaign=posted.name,
        group=target.group,
    )
