"""/api/profile-bulk-import-jobs: imports of many people, carried out later."""

from __future__ import annotations

from typing import ClassVar

from falcon.asgi import Request, Response

from emulator import bulk, document_jobs, documents, filters, query, rows
from emulator.errors import ApiError, Problem, bad_payload, invalid, not_found
from emulator.jsonapi import Json, data_of, send, send_one, send_page
from emulator.limits import M
from emulator.lists import MailingList
from emulator.operations import Calls, Operation
from emulator.paging import page
from emulator.work import ImportFailure, ImportJob
from emulator.world import ACCOUNT_ID, World

MAX_ROWS = 10_000
LISTS = "/data/relationships/lists/data"


def job_of(world: World, job_id: str) -> ImportJob:
    """Return the job; raises `ApiError` 404."""
    job = world.jobs.get(job_id, ImportJob)
    if job is None:
        raise not_found("Invalid job id")
    return job


def lists_of(world: World, job: ImportJob) -> list[MailingList]:
    """Return the lists that the job adds to, without deleted ones."""
    return [world.lists.by_id[list_id] for list_id in job.list_ids if list_id in world.lists.by_id]


class ImportJobs(Calls):
    """/api/profile-bulk-import-jobs."""

    operations: ClassVar = {
        "GET": Operation("get_bulk_import_profiles_jobs", M, ("lists:read", "profiles:read")),
        "POST": Operation("bulk_import_profiles", M, ("lists:write", "profiles:write")),
    }

    async def on_get(self, req: Request, resp: Response) -> None:
        """Return a page of jobs, oldest first."""
        order = query.page_order(req, default=20, maximum=100)
        clauses = query.clauses(req, {"status": filters.TEXT})
        _, descending = query.sort(req, ("created_at",))
        world, now = self.world, self.world.now()
        every = [(job, world.jobs.progress(job, now)) for job in world.jobs.imports()]
        found = [(job, state) for job, state in every if all(filters.holds(c, state.status) for c in clauses)]
        shown = page(
            found, lambda x: (x[0].created, x[0].id), size=order.size, cursor=order.cursor, descending=descending
        )
        data = [document_jobs.import_job(req, job, state, world.jobs.lifetime) for job, state in shown.items]
        send_page(req, resp, data, shown.cursor)

    async def on_post(self, req: Request, resp: Response) -> None:
        """Accept all rows or none; the 202 is as recorded from Klaviyo, regardless of the job's result."""
        data = data_of(req, "profile-bulk-import-job")
        people = bulk.rows_of(data, "profiles", MAX_ROWS)
        list_ids, problems = _list_ids(self.world, data)
        for index, row in enumerate(people):
            problems += rows.problems(row, f"{bulk.PROFILES}/{index}", rows.UPSERT)
        if problems:
            raise ApiError(400, *problems)
        job = self.world.jobs.submit(ACCOUNT_ID, people, list_ids, self.world.now())
        document = document_jobs.accepted_job(req, job, self.world.jobs.lifetime)
        self.world.catch_up()
        send_one(req, resp, 202, document)


def _list_ids(world: World, data: Json) -> tuple[tuple[str, ...], list[Problem]]:
    """Return the lists to add to. A relationship under another name, such as `list`, is silently ignored."""
    relationships = data.get("relationships")
    lists = relationships.get("lists") if isinstance(relationships, dict) else None
    if lists is None:
        return (), []
    entries = lists.get("data") if isinstance(lists, dict) else None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise bad_payload(LISTS)
    ids = [str(entry.get("id")) for entry in entries]
    return tuple(ids), [
        invalid(f"List ID {list_id} does not exist.", f"{LISTS}/{index}/id")
        for index, list_id in enumerate(ids)
        if list_id not in world.lists.by_id
    ]


class OneImportJob(Calls):
    """/api/profile-bulk-import-jobs/{id}."""

    operations: ClassVar = {
        "GET": Operation("get_bulk_import_profiles_job", M, ("lists:read", "profiles:read")),
    }

    async def on_get(self, req: Request, resp: Response, job_id: str) -> None:
        """Return the job, with its lists if they are included."""
        job = job_of(self.world, job_id)
        included = query.include(req, ("lists",))
        jobs = self.world.jobs
        state = jobs.progress(job, self.world.now())
        document = document_jobs.import_job(req, job, state, jobs.lifetime)
        if not included:
            send_one(req, resp, 200, document)
            return
        extra = [documents.mailing_list(req, item) for item in lists_of(self.world, job)]
        send(resp, 200, {"data": document, "links": {"self": req.uri}, "included": extra})


class ImportErrors(Calls):
    """/api/profile-bulk-import-jobs/{id}/import-errors."""

    operations: ClassVar = {
        "GET": Operation("get_errors_for_bulk_import_profiles_job", M, ("profiles:read",)),
    }

    async def on_get(self, req: Request, resp: Response, job_id: str) -> None:
        """Return a page of the failed rows, in the order of the job; none until it is complete."""
        order = query.page_order(req, default=20, maximum=100)
        numbered = list(enumerate(job_of(self.world, job_id).failures))

        def position(item: tuple[int, ImportFailure]) -> tuple[int, str]:
            return item[0], item[1].id

        shown = page(numbered, position, size=order.size, cursor=order.cursor)
        send_page(req, resp, [document_jobs.import_error(req, failure) for _, failure in shown.items], shown.cursor)
