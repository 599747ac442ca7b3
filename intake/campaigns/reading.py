"""Turns a posted campaign into the snapshots of its lists, without touching Redis."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec import UNSET

from configuration.connections import Connection
from intake.campaigns import lists, messages
from intake.campaigns import members as campaign_members
from intake.campaigns.lists import CampaignList
from intake.campaigns.members import GroupMember, part_of
from intake.campaigns.messages import CampaignGroup, PostedCampaign
from intake.changes.messages import planned
from intake.http import faults
from intake.http.limits import COMPARED
from queues.names import Queue
from queues.snapshots.orders import SnapshotOrder, new_id, queue_of


class AudienceSource(NamedTuple):
    """An audience whose members go on a list. `part`: the part of them, if `parts` (name -> percent) divides them."""

    queue: Queue
    campaign: str
    parts: Mapping[str, int]
    part: str

    def has(self, identity: str) -> bool:
        """Return whether a member of the audience goes on the list."""
        return not self.parts or part_of(self.campaign, self.parts, identity) == self.part


class PlannedSnapshot(NamedTuple):
    """A snapshot to submit: `members` and the members of `sources`, without people in `out` and `out_of`.

    `excluded`: the number of members of the request who are left out already. `out`: identities of excluded people;
    empty without `sources`.
    """

    queue: Queue
    order: SnapshotOrder
    members: Sequence[GroupMember]
    excluded: int
    sources: Sequence[AudienceSource]
    out: frozenset[str]
    out_of: Sequence[Queue]


def read(body: bytes, choose: Callable[[str | None], Connection], now: int) -> list[PlannedSnapshot]:
    """Return the snapshots of a campaign, at least one. `now`: ms. `choose`: returns a connection by its name.

    Raises the falcon.HTTPError of a refused request. After this step only the state of an audience refuses one.
    """
    return planned_of(*messages.read(body), choose, now)


def planned_of(
    posted: PostedCampaign, groups: Sequence[CampaignGroup], choose: Callable[[str | None], Connection], now: int
) -> list[PlannedSnapshot]:
    """Return the snapshots of a campaign that has been read. See `read`."""
    connection = choose(posted.connection)
    launch = _launch(posted)
    targets = lists.targets(posted, groups, now)
    by_email = any(group.audience is not UNSET for group in groups)
    compared = bool(posted.excluded_audiences) or (posted.exclusive and by_email)
    out = campaign_members.excluded(posted.exclusions or (), connection, by_email)
    members: dict[str, dict[str, list[GroupMember]]] = {}
    found: list[PlannedSnapshot] = []
    for target, sources, out_of in _compared(targets, posted, connection):
        for place, group in target.groups:
            if place not in members:
                members[place] = _by_part(group, place, posted.name, connection, compared)
        own = [each for place, _ in target.groups for each in members[place][target.part]]
        kept = campaign_members.kept(own, out)
        queue = queue_of(connection.name, target.audience)
        order = _order(target, queue, posted, launch, now)
        # A copy only where it is needed: a thousand lists may exclude a hundred thousand people.
        names = frozenset(out.identities if sources else ())
        found.append(PlannedSnapshot(queue, order, kept, len(own) - len(kept), sources, names, out_of))
        if posted.exclusive:
            out.add(person for member in kept for person in member.people)
    return found


def _compared(
    targets: Sequence[CampaignList], posted: PostedCampaign, connection: Connection
) -> Iterator[tuple[CampaignList, list[AudienceSource], list[Queue]]]:
    """Yield each list with the audiences whose members go on it, and those whose members do not.

    Raises falcon.HTTPBadRequest beyond COMPARED: every audience is read once for each list.
    """
    out_of = dict.fromkeys(Queue(connection.name, "audience", each) for each in posted.excluded_audiences or ())
    earlier: tuple[str, list[Queue]] = ("", [])
    count = 0
    for target in targets:
        place = target.groups[0][0]
        if posted.exclusive and place != earlier[0]:
            # Only now: the parts of one group come from the same audience.
            out_of |= dict.fromkeys(earlier[1])
        sources = [*_sources(target, posted, connection)]
        earlier = place, [source.queue for source in sources]
        count += len({*earlier[1], *out_of})
        if count > COMPARED:
            raise faults.bad_request(
                f"{target.place}: each list reads its audiences and the excluded ones, with this one {count:,} in all; "
                f"at most {COMPARED:,} are read. Send fewer lists or audiences in one campaign"
            )
        yield target, sources, [*out_of]


def _by_part(
    group: CampaignGroup, place: str, campaign: str, connection: Connection, by_email: bool
) -> dict[str, list[GroupMember]]:
    """Return the members of a group by part, each read and divided once; without parts, all of them under ""."""
    found: dict[str, list[GroupMember]] = {part: [] for part in group.split or ("",)}
    for each in campaign_members.read(group.members or (), place, connection, by_email):
        found[part_of(campaign, group.split, each.identity) if group.split else ""].append(each)
    return found


def _sources(target: CampaignList, posted: PostedCampaign, connection: Connection) -> Iterator[AudienceSource]:
    for _, group in target.groups:
        if group.audience is not UNSET:
            queue = Queue(connection.name, "audience", group.audience)
            yield AudienceSource(queue, posted.name, group.split or {}, target.part)


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
