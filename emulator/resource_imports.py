"""Imports of many people, carried out later: /api/profile-bulk-import-jobs and what belongs to a job."""

from __future__ import annotations

from emulator import document_jobs, documents, filters
from emulator.errors import not_found
from emulator.jsonapi import Call, identifier
from emulator.lists import MailingList
from emulator.paging import Page, page
from emulator.profiles import Profile
from emulator.work import ImportFailure, ImportJob
from emulator.world import ACCOUNT_ID


def _job_of(call: Call) -> ImportJob:
    """Return the job that the path names; raises `ApiError` 404."""
    job = call.world.jobs.get(call.subject, ImportJob)
    if job is None:
        raise not_found("Invalid job id")
    return job


def _lists_of(call: Call, job: ImportJob) -> list[MailingList]:
    """Return the lists that the job adds to, without deleted ones."""
    return [call.world.lists.by_id[list_id] for list_id in job.list_ids if list_id in call.world.lists.by_id]


def get_bulk_import_profiles_jobs(call: Call) -> None:
    """Return a page of jobs, oldest first."""
    jobs = call.world.jobs
    every = [(job, jobs.progress(job, call.now)) for job in jobs.every(ImportJob)]
    found = [(job, state) for job, state in every if all(filters.holds(c, state.status) for c in call.query.clauses)]
    shown = page(found, lambda item: (item[0].created, item[0].id), call.query)
    call.send_page([document_jobs.import_job(call, job, state) for job, state in shown.items], shown.cursor)


def bulk_import_profiles(call: Call) -> None:
    """Accept the import; the 202 is as recorded from Klaviyo, regardless of the job's result."""
    lists = ((call.data.get("relationships") or {}).get("lists") or {}).get("data") or ()
    rows, list_ids = call.data["attributes"]["profiles"]["data"], tuple(item["id"] for item in lists)
    job = call.world.jobs.submit(ACCOUNT_ID, rows, list_ids, call.now)
    document = document_jobs.accepted_job(call, job)
    call.world.catch_up()
    call.send_one(202, document)


def get_bulk_import_profiles_job(call: Call) -> None:
    """Return the job, with its lists if they are included."""
    job = _job_of(call)
    document = document_jobs.import_job(call, job, call.world.jobs.progress(job, call.now))
    call.send_one(200, document, [documents.mailing_list(call, item) for item in _lists_of(call, job)])


def get_errors_for_bulk_import_profiles_job(call: Call) -> None:
    """Return a page of the failed rows, in the order of the job; none until it is complete."""
    numbered = list(enumerate(_job_of(call).failures))

    def position(item: tuple[int, ImportFailure]) -> tuple[int, str]:
        return item[0], item[1].id

    shown = page(numbered, position, call.query)
    call.send_page([document_jobs.import_error(call, failure) for _, failure in shown.items], shown.cursor)


def _imported(call: Call) -> Page[Profile]:
    """Return a page of the profiles that the job wrote, in the order of its rows.

    Profiles that were merged into others or deleted since are left out. Empty until the job is complete.
    """
    profiles = call.world.profiles.by_id
    kept = [(place, each) for place, each in enumerate(_job_of(call).imported) if each in profiles]
    shown = page(kept, lambda item: item, call.query)
    return Page([profiles[profile_id] for _, profile_id in shown.items], shown.cursor)


def get_profiles_for_bulk_import_profiles_job(call: Call) -> None:
    """Return a page of profiles in their current state."""
    shown = _imported(call)
    call.send_page([documents.profile(call, person) for person in shown.items], shown.cursor)


def get_profile_ids_for_bulk_import_profiles_job(call: Call) -> None:
    """Return a page of ids."""
    shown = _imported(call)
    call.send_page([identifier("profile", person.id) for person in shown.items], shown.cursor)


def get_list_for_bulk_import_profiles_job(call: Call) -> None:
    """Return all lists."""
    call.send_page([documents.mailing_list(call, item) for item in _lists_of(call, _job_of(call))])


def get_list_ids_for_bulk_import_profiles_job(call: Call) -> None:
    """Return the ids of all lists."""
    call.send_page([identifier("list", item.id) for item in _lists_of(call, _job_of(call))])
