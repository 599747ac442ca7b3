"""Turns a posted campaign into the snapshots of its lists, without touching Redis."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from configuration.connections import Connection
from intake.campaigns import lists, messages
from intake.campaigns import members as campaign_members
from intake.campaigns.lists import CampaignList
from intake.campaigns.members import Excluded
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
    found = []
    for target in targets:
        queue = queue_of(connection.name, target.audience)
        found.append(_planned(target, queue, _order(target, queue, posted, launch, now), connection, out))
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


def _planned(
    target: CampaignList, queue: Queue, order: SnapshotOrder, connection: Connection, out: Excluded
) -> PlannedSnapshot:
    posted = sum(len(members) for _, members in target.members)
    kept = [campaign_members.kept(members, place, out, connection) for place, members in target.members]
    lines = [line for some in kept for line in some]
    return PlannedSnapshot(queue, order, b"\n".join(lines), len(lines), posted - len(lines))
