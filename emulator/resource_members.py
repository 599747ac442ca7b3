"""The members of a list: /api/lists/{id}/profiles and /relationships/profiles."""

from __future__ import annotations

from typing import NamedTuple

from emulator import documents, filters
from emulator.errors import bad_request
from emulator.jsonapi import Call, identifier
from emulator.lists import Member
from emulator.paging import Page, page
from emulator.profiles import Profile
from emulator.resource_account import list_of
from emulator.times import stamp

MAX_MEMBERS_PER_CALL = 1_000


class Found(NamedTuple):
    """A member and its profile."""

    member: Member
    profile: Profile


def _page(call: Call) -> Page[Found]:
    """Return a page of the members that satisfy the filter, in the order in which they joined."""
    members, profiles = list_of(call).members, call.world.profiles
    about_people = [clause for clause in call.query.clauses if clause.field != "joined_group_at"]
    found = list(members.values())
    if about_people:
        selected = profiles.select(about_people)
        found = sorted((members[p.id] for p in selected if p.id in members), key=lambda member: member.place)
    for clause in call.query.clauses:
        if clause.field == "joined_group_at":
            found = [member for member in found if filters.holds(clause, stamp(member.joined))]
    shown = page(found, lambda member: (member.place, member.profile_id), call.query)
    return Page([Found(member, profiles.by_id[member.profile_id]) for member in shown.items], shown.cursor)


def get_profiles_for_list(call: Call) -> None:
    """Return a page of members as whole profiles."""
    shown = _page(call)
    call.send_page([documents.profile(call, item.profile, item.member) for item in shown.items], shown.cursor)


def get_profile_ids_for_list(call: Call) -> None:
    """Return a page of members as ids."""
    shown = _page(call)
    call.send_page([identifier("profile", item.profile.id) for item in shown.items], shown.cursor)


def add_profiles_to_list(call: Call) -> None:
    """Add profiles by id."""
    call.world.lists.join(list_of(call), _profile_ids(call), call.now)
    call.send_nothing(204)


def remove_profiles_from_list(call: Call) -> None:
    """Remove profiles by id; their consents and suppressions stay."""
    call.world.lists.leave(list_of(call), _profile_ids(call))
    call.send_nothing(204)


def _profile_ids(call: Call) -> list[str]:
    if len(call.data) > MAX_MEMBERS_PER_CALL:
        raise bad_request(f"At most {MAX_MEMBERS_PER_CALL} profiles may be sent in one call.")
    ids = [entry["id"] for entry in call.data]
    unknown = [profile_id for profile_id in ids if profile_id not in call.world.profiles.by_id]
    if unknown:
        raise bad_request(f"Invalid profile IDs: {', '.join(unknown)}", "/data/")
    return ids
