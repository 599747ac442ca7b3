"""/api/profiles and /api/profile-import: single profiles."""

from __future__ import annotations

from typing import ClassVar

from falcon.asgi import Request, Response

from emulator import documents, filters, phones, query, rows
from emulator.errors import ApiError, bad_payload, duplicate_profile, not_found
from emulator.jsonapi import Json, data_of, send_one, send_page
from emulator.limits import L
from emulator.operations import Calls, Operation
from emulator.paging import page
from emulator.profiles import ClashError, Profile, UnknownProfileError
from emulator.world import World

_PERIOD = frozenset({"greater-than", "less-than"})
FILTERS = {
    **dict.fromkeys(("id", "email", "phone_number", "external_id"), filters.TEXT),
    "_kx": frozenset({"equals"}),
    "created": _PERIOD,
    "updated": _PERIOD,
}
SORTS = ("id", "created", "updated", "email")


def _checked(data: Json, form: rows.Form) -> Json:
    problems = rows.problems(data, "/data", form)
    if problems:
        raise ApiError(400, *problems)
    return data


def profile_of(world: World, profile_id: str) -> Profile:
    """Return the profile; raises `ApiError` 404."""
    found = world.profiles.by_id.get(profile_id)
    if found is None:
        raise not_found(f"A profile with id {profile_id} does not exist.")
    return found


def _upsert(world: World, data: Json) -> tuple[Profile, bool]:
    """Create or update a profile; a null clears a value. Raises `ApiError` 404 and 409."""
    try:
        return world.people.upsert(data, world.now(), clear_nulls=True)
    except ClashError as clash:
        raise duplicate_profile(clash.owner_id) from None
    except UnknownProfileError:
        raise not_found(f"A profile with id {data['id']} does not exist.") from None


class Profiles(Calls):
    """/api/profiles."""

    operations: ClassVar = {
        "GET": Operation("get_profiles", L, ("profiles:read",)),
        "POST": Operation("create_profile", L, ("profiles:write",)),
    }

    async def on_get(self, req: Request, resp: Response) -> None:
        """Return a page of profiles, by default in the order of their ids."""
        order = query.page_order(req, default=20, maximum=100)
        query.include(req, ("conversations", "push-tokens"))
        field, descending = query.sort(req, SORTS)
        found = self.world.profiles.select(query.clauses(req, FILTERS))

        def position(person: Profile) -> tuple[str, str]:
            return person.value(field or "id") or "", person.id

        if field not in (None, "id"):
            found.sort(key=position)
        shown = page(found, position, size=order.size, cursor=order.cursor, descending=descending)
        send_page(req, resp, [documents.profile(req, person) for person in shown.items], shown.cursor)

    async def on_post(self, req: Request, resp: Response) -> None:
        """Create a person; 409 if an identifier is taken."""
        data = data_of(req, "profile")
        partial = phones.drop(data, rows.CREATE.identifiers)
        try:
            person = self.world.profiles.create(_checked(data, rows.CREATE), self.world.now())
        except ClashError as clash:
            raise duplicate_profile(clash.owner_id) from None
        if partial:
            resp.set_header(*phones.PARTIAL_FAILURE)
        send_one(req, resp, 201, documents.profile(req, person))


class OneProfile(Calls):
    """/api/profiles/{id}."""

    operations: ClassVar = {
        "GET": Operation("get_profile", L, ("profiles:read",)),
        "PATCH": Operation("update_profile", L, ("profiles:write",)),
    }

    async def on_get(self, req: Request, resp: Response, profile_id: str) -> None:
        """Return the profile."""
        send_one(req, resp, 200, documents.profile(req, profile_of(self.world, profile_id)))

    async def on_patch(self, req: Request, resp: Response, profile_id: str) -> None:
        """Update the profile; the body must repeat the id of the path."""
        data = _checked(data_of(req, "profile"), rows.UPDATE)
        if data.get("id") != profile_id:
            raise bad_payload("/data/id")
        send_one(req, resp, 200, documents.profile(req, _upsert(self.world, data)[0]))


class ProfileImport(Calls):
    """/api/profile-import."""

    operations: ClassVar = {"POST": Operation("create_or_update_profile", L, ("profiles:write",))}

    async def on_post(self, req: Request, resp: Response) -> None:
        """Respond with 201 for a new person, 200 for a known one."""
        person, created = _upsert(self.world, _checked(data_of(req, "profile"), rows.UPSERT))
        send_one(req, resp, 201 if created else 200, documents.profile(req, person))
