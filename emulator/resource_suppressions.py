"""/api/profile-suppression-bulk-create-jobs and -delete-jobs: suppressing and unsuppressing e-mail."""

from __future__ import annotations

from typing import ClassVar

from falcon.asgi import Request, Response

from emulator import bulk, document_jobs, rows
from emulator.errors import ApiError, Problem, bad_request, not_found
from emulator.fields import ATTRIBUTES
from emulator.ids import suppression_job_id
from emulator.jsonapi import Json, data_of, send_one
from emulator.limits import L
from emulator.operations import Calls, Operation
from emulator.work import SuppressionJob
from emulator.world import World

MAX_ROWS = 100
READ = ("subscriptions:read",)
FORM = rows.Form({"email": ATTRIBUTES["email"]}, frozenset({"type", "attributes"}), ("email",))


def _start(world: World, req: Request, resp: Response, *, lift: bool) -> None:
    """Accept the job; the 202 is as recorded from Klaviyo, regardless of the job's result."""
    data = data_of(req, f"profile-suppression-bulk-{'delete' if lift else 'create'}-job")
    emails, list_id = _targets(world, data)
    now = world.now()
    job = SuppressionJob(created=now, id=suppression_job_id(now), lift=lift, emails=emails, list_id=list_id)
    document = document_jobs.suppression_job(req, job)
    world.jobs.publish(job)
    world.catch_up()
    send_one(req, resp, 202, document)


def _targets(world: World, data: Json) -> tuple[list[str], str | None]:
    """Return (addresses, list); raises `ApiError` 400 unless exactly one of addresses, list and segment is given."""
    attributes = data.get("attributes")
    named = isinstance(attributes, dict) and attributes.get("profiles") is not None
    list_id, segment_id = bulk.related(data, "list"), bulk.related(data, "segment")
    if [named, list_id is not None, segment_id is not None].count(True) != 1:
        raise bad_request("Exactly one of profiles, list and segment is required.")
    if segment_id is not None:
        raise bad_request(f"Segment ID {segment_id} does not exist.", "/data/relationships/segment/data/id")
    people = bulk.rows_of(data, "profiles", MAX_ROWS) if named else []
    problems: list[Problem] = bulk.list_problems(world, list_id)
    for index, row in enumerate(people):
        problems += rows.problems(row, f"{bulk.PROFILES}/{index}", FORM)
    if problems:
        raise ApiError(400, *problems)
    return [row["attributes"]["email"] for row in people], list_id


def _show(world: World, req: Request, resp: Response, job_id: str, *, lift: bool) -> None:
    job = world.jobs.get(job_id, SuppressionJob)
    if job is None or job.lift is not lift:
        raise not_found("Invalid job id")
    send_one(req, resp, 200, document_jobs.suppression_job(req, job))


class Suppressions(Calls):
    """/api/profile-suppression-bulk-create-jobs."""

    operations: ClassVar = {
        "POST": Operation("bulk_suppress_profiles", L, ("profiles:write", "subscriptions:write")),
    }

    async def on_post(self, req: Request, resp: Response) -> None:
        """Suppress profiles."""
        _start(self.world, req, resp, lift=False)


class Unsuppressions(Calls):
    """/api/profile-suppression-bulk-delete-jobs."""

    operations: ClassVar = {"POST": Operation("bulk_unsuppress_profiles", L, ("subscriptions:write",))}

    async def on_post(self, req: Request, resp: Response) -> None:
        """Unsuppress profiles."""
        _start(self.world, req, resp, lift=True)


class OneSuppression(Calls):
    """/api/profile-suppression-bulk-create-jobs/{id}."""

    operations: ClassVar = {"GET": Operation("get_bulk_suppress_profiles_job", L, READ)}

    async def on_get(self, req: Request, resp: Response, job_id: str) -> None:
        """Return the job."""
        _show(self.world, req, resp, job_id, lift=False)


class OneUnsuppression(Calls):
    """/api/profile-suppression-bulk-delete-jobs/{id}."""

    operations: ClassVar = {"GET": Operation("get_bulk_unsuppress_profiles_job", L, READ)}

    async def on_get(self, req: Request, resp: Response, job_id: str) -> None:
        """Return the job."""
        _show(self.world, req, resp, job_id, lift=True)
