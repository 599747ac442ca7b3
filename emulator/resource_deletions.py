"""/api/data-privacy-deletion-jobs: permanent deletion of a person."""

from __future__ import annotations

from typing import Any, ClassVar

from falcon.asgi import Request, Response

from emulator.errors import ApiError, bad_payload, bad_request, invalid, not_found
from emulator.fields import ATTRIBUTES, findings
from emulator.jsonapi import Json, data_of, send_nothing
from emulator.limits import S
from emulator.operations import Calls, Operation
from emulator.work import Erasure

PROFILE = "/data/attributes/profile/data"
_CHECKS = {name: ATTRIBUTES[name] for name in ("email", "phone_number")}


class Deletions(Calls):
    """/api/data-privacy-deletion-jobs."""

    operations: ClassVar = {"POST": Operation("request_profile_deletion", S, ("data-privacy:write",))}

    async def on_post(self, req: Request, resp: Response) -> None:
        """Accept the deletion of a known person; 404 for an unknown one."""
        field, value = _identifier(data_of(req, "data-privacy-deletion-job"))
        person = self.world.profiles.find(field, value)
        if person is None:
            raise not_found(f'No profile with {field} "{value}" found.  The profile may have already been deleted.')
        self.world.jobs.accept(Erasure(created=self.world.now(), profile_id=person.id))
        self.world.catch_up()
        send_nothing(resp, 202)


def _identifier(data: Json) -> tuple[str, str]:
    """Return the only identifier of the body; raises `ApiError` 400 for none or several."""
    profile = _profile(data)
    attributes = profile["attributes"]
    found = findings(attributes, _CHECKS, "profile")
    if found:
        raise ApiError(400, *(invalid(fault, f"{PROFILE}/attributes{suffix}") for suffix, fault in found))
    given = [(name, value) for name, value in (("id", profile.get("id")), *attributes.items()) if value is not None]
    if len(given) != 1:
        raise bad_request("Exactly one of email, phone_number and id is required.", PROFILE)
    if not isinstance(given[0][1], str):
        raise bad_payload(f"{PROFILE}/id")
    return given[0]


def _profile(data: Json) -> dict[str, Any]:
    attributes = data.get("attributes")
    holder = attributes.get("profile") if isinstance(attributes, dict) else None
    profile = holder.get("data") if isinstance(holder, dict) else None
    if not isinstance(profile, dict) or profile.get("type") != "profile":
        raise bad_payload(PROFILE)
    if not isinstance(profile.get("attributes"), dict):
        raise bad_payload(f"{PROFILE}/attributes")
    return profile
