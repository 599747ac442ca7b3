"""The profiles and lists of an import job, and the lists of a profile.

Each is read whole or, under `/relationships/`, as ids (Klaviyo: get profiles for bulk import job, get lists for
profile).
"""

from __future__ import annotations

from typing import ClassVar

from falcon.asgi import Request, Response

from emulator import documents, query
from emulator.jsonapi import Json, send_page
from emulator.limits import M, S
from emulator.lists import MailingList
from emulator.operations import Calls, Operation
from emulator.paging import Page, page
from emulator.profiles import Profile
from emulator.resource_imports import job_of, lists_of
from emulator.resource_profiles import profile_of
from emulator.world import World


def _imported(world: World, req: Request, job_id: str) -> Page[Profile]:
    """Return a page of the profiles that the job wrote, in the order of its rows.

    Profiles that were merged into others or deleted since are left out. Empty until the job is complete.
    """
    order = query.page_order(req, default=20, maximum=100)
    numbered = list(enumerate(job_of(world, job_id).imported))
    kept = [(place, profile_id) for place, profile_id in numbered if profile_id in world.profiles.by_id]
    shown = page(kept, lambda item: item, size=order.size, cursor=order.cursor)
    return Page([world.profiles.by_id[profile_id] for _, profile_id in shown.items], shown.cursor)


def _lists_of_job(world: World, job_id: str) -> list[MailingList]:
    return lists_of(world, job_of(world, job_id))


def _lists_of_profile(world: World, profile_id: str) -> list[MailingList]:
    return world.lists.of_profile(profile_of(world, profile_id).id)


def _id(kind: str, resource_id: str) -> Json:
    return {"type": kind, "id": resource_id}


def _send_lists(req: Request, resp: Response, lists: list[MailingList]) -> None:
    send_page(req, resp, [documents.mailing_list(req, item) for item in lists], None)


def _send_list_ids(req: Request, resp: Response, lists: list[MailingList]) -> None:
    send_page(req, resp, [_id("list", item.id) for item in lists], None)


class ImportedProfiles(Calls):
    """/api/profile-bulk-import-jobs/{id}/profiles."""

    operations: ClassVar = {"GET": Operation("get_profiles_for_bulk_import_profiles_job", M, ("profiles:read",))}

    async def on_get(self, req: Request, resp: Response, job_id: str) -> None:
        """Return a page of profiles in their current state."""
        shown = _imported(self.world, req, job_id)
        send_page(req, resp, [documents.profile(req, person) for person in shown.items], shown.cursor)


class ImportedProfileIds(Calls):
    """/api/profile-bulk-import-jobs/{id}/relationships/profiles."""

    operations: ClassVar = {"GET": Operation("get_profile_ids_for_bulk_import_profiles_job", M, ("profiles:read",))}

    async def on_get(self, req: Request, resp: Response, job_id: str) -> None:
        """Return a page of ids."""
        shown = _imported(self.world, req, job_id)
        send_page(req, resp, [_id("profile", person.id) for person in shown.items], shown.cursor)


class ImportLists(Calls):
    """/api/profile-bulk-import-jobs/{id}/lists."""

    operations: ClassVar = {"GET": Operation("get_list_for_bulk_import_profiles_job", M, ("lists:read",))}

    async def on_get(self, req: Request, resp: Response, job_id: str) -> None:
        """Return all lists."""
        _send_lists(req, resp, _lists_of_job(self.world, job_id))


class ImportListIds(Calls):
    """/api/profile-bulk-import-jobs/{id}/relationships/lists."""

    operations: ClassVar = {"GET": Operation("get_list_ids_for_bulk_import_profiles_job", M, ("lists:read",))}

    async def on_get(self, req: Request, resp: Response, job_id: str) -> None:
        """Return the ids of all lists."""
        _send_list_ids(req, resp, _lists_of_job(self.world, job_id))


class ProfileLists(Calls):
    """/api/profiles/{id}/lists."""

    operations: ClassVar = {"GET": Operation("get_lists_for_profile", S, ("lists:read", "profiles:read"))}

    async def on_get(self, req: Request, resp: Response, profile_id: str) -> None:
        """Return all lists."""
        _send_lists(req, resp, _lists_of_profile(self.world, profile_id))


class ProfileListIds(Calls):
    """/api/profiles/{id}/relationships/lists."""

    operations: ClassVar = {"GET": Operation("get_list_ids_for_profile", S, ("lists:read", "profiles:read"))}

    async def on_get(self, req: Request, resp: Response, profile_id: str) -> None:
        """Return the ids of all lists."""
        _send_list_ids(req, resp, _lists_of_profile(self.world, profile_id))
