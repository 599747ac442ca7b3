"""/api/lists/{id}/profiles and /relationships/profiles: reading, adding and removing the members of a list."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

from falcon.asgi import Request, Response

from emulator import documents, filters, query
from emulator.errors import bad_payload, bad_request
from emulator.jsonapi import data_list_of, send_nothing, send_page
from emulator.limits import L, M
from emulator.lists import MailingList, Member
from emulator.operations import Calls, Operation
from emulator.paging import Page, page
from emulator.profiles import Profile
from emulator.resource_lists import list_of
from emulator.times import stamp
from emulator.world import World

MAX_MEMBERS_PER_CALL = 1_000
FILTERS = {
    "email": filters.TEXT,
    "phone_number": filters.TEXT,
    "_kx": frozenset({"equals"}),
    "joined_group_at": filters.DATES,
}


class Found(NamedTuple):
    """A member and its profile."""

    member: Member
    profile: Profile


def _page(world: World, req: Request, target: MailingList) -> Page[Found]:
    """Return a page of the members that satisfy the filter, in the order in which they joined."""
    order = query.page_order(req, default=20, maximum=100)
    clauses = query.clauses(req, FILTERS)
    _, descending = query.sort(req, ("joined_group_at",))
    about_people = [c for c in clauses if c.field != "joined_group_at"]
    members = _members(world, target, about_people) if about_people else list(target.members.values())
    for clause in clauses:
        if clause.field == "joined_group_at":
            members = [m for m in members if filters.holds(clause, stamp(m.joined))]
    shown = page(
        members, lambda m: (m.place, m.profile_id), size=order.size, cursor=order.cursor, descending=descending
    )
    return Page([Found(m, world.profiles.by_id[m.profile_id]) for m in shown.items], shown.cursor)


def _members(world: World, target: MailingList, clauses: list[filters.Clause]) -> list[Member]:
    people = world.profiles.select(clauses)
    found = [target.members[person.id] for person in people if person.id in target.members]
    return sorted(found, key=lambda m: m.place)


class ListProfiles(Calls):
    """/api/lists/{id}/profiles."""

    operations: ClassVar = {"GET": Operation("get_profiles_for_list", L, ("lists:read", "profiles:read"))}

    async def on_get(self, req: Request, resp: Response, list_id: str) -> None:
        """Return a page of members as whole profiles."""
        shown = _page(self.world, req, list_of(self.world, list_id))
        send_page(req, resp, [documents.profile(req, f.profile, f.member) for f in shown.items], shown.cursor)


class ListRelationship(Calls):
    """/api/lists/{id}/relationships/profiles."""

    operations: ClassVar = {
        "GET": Operation("get_profile_ids_for_list", L, ("lists:read", "profiles:read")),
        "POST": Operation("add_profiles_to_list", M, ("lists:write", "profiles:write")),
        "DELETE": Operation("remove_profiles_from_list", M, ("lists:write", "profiles:write")),
    }

    async def on_get(self, req: Request, resp: Response, list_id: str) -> None:
        """Return a page of members as ids."""
        shown = _page(self.world, req, list_of(self.world, list_id))
        send_page(req, resp, [{"type": "profile", "id": f.profile.id} for f in shown.items], shown.cursor)

    async def on_post(self, req: Request, resp: Response, list_id: str) -> None:
        """Add profiles by id."""
        target = list_of(self.world, list_id)
        self.world.lists.join(target, self._profile_ids(req), self.world.now())
        send_nothing(resp, 204)

    async def on_delete(self, req: Request, resp: Response, list_id: str) -> None:
        """Remove profiles by id; their consents and suppressions stay."""
        target = list_of(self.world, list_id)
        self.world.lists.leave(target, self._profile_ids(req))
        send_nothing(resp, 204)

    def _profile_ids(self, req: Request) -> list[str]:
        entries = data_list_of(req)
        if len(entries) > MAX_MEMBERS_PER_CALL:
            raise bad_request(f"At most {MAX_MEMBERS_PER_CALL} profiles may be sent in one call.")
        for index, entry in enumerate(entries):
            if not isinstance(entry, dict) or entry.get("type") != "profile" or not isinstance(entry.get("id"), str):
                raise bad_payload(f"/data/{index}")
        ids = [entry["id"] for entry in entries]
        unknown = [profile_id for profile_id in ids if profile_id not in self.world.profiles.by_id]
        if unknown:
            raise bad_request(f"Invalid profile IDs: {', '.join(unknown)}", "/data/")
        return ids
