"""Consents and suppressions of many people, carried out later: the four /api/profile-...-bulk-...-jobs."""

from __future__ import annotations

from typing import Any

from emulator import document_jobs, filters
from emulator.errors import not_found
from emulator.ids import suppression_job_id
from emulator.jsonapi import Call
from emulator.paging import page
from emulator.work import Subscription, SuppressionJob, Unsubscription


def _rows(data: Any) -> list[Any]:
    rows: list[Any] = (data["attributes"].get("profiles") or {"data": []})["data"]
    return rows


def _list_id(data: Any) -> str | None:
    """Return the id of the body's one list."""
    entry = ((data.get("relationships") or {}).get("list") or {}).get("data")
    return entry["id"] if entry else None


def bulk_subscribe_profiles(call: Call) -> None:
    """Accept a subscription, without a readable job."""
    attributes = call.data["attributes"]
    order = Subscription(
        created=call.now,
        rows=_rows(call.data),
        list_id=_list_id(call.data),
        historical=attributes.get("historical_import") is True,
        source=attributes.get("custom_source"),
    )
    call.world.jobs.accept(order)
    call.world.catch_up()
    call.send_nothing(202)


def bulk_unsubscribe_profiles(call: Call) -> None:
    """Accept an unsubscription; the membership of the list is checked when it is carried out."""
    order = Unsubscription(created=call.now, rows=_rows(call.data), list_id=_list_id(call.data))
    call.world.jobs.accept(order)
    call.world.catch_up()
    call.send_nothing(202)


def bulk_suppress_profiles(call: Call) -> None:
    """Suppress profiles."""
    _start(call, lift=False)


def bulk_unsuppress_profiles(call: Call) -> None:
    """Unsuppress profiles."""
    _start(call, lift=True)


def _start(call: Call, *, lift: bool) -> None:
    """Accept the job; the 202 is as recorded from Klaviyo, regardless of the job's result."""
    emails = [row["attributes"]["email"] for row in _rows(call.data)]
    job_id = suppression_job_id(call.now)
    job = SuppressionJob(created=call.now, id=job_id, lift=lift, emails=emails, list_id=_list_id(call.data))
    document = document_jobs.suppression_job(call, job)
    call.world.jobs.publish(job)
    call.world.catch_up()
    call.send_one(202, document)


def get_bulk_suppress_profiles_jobs(call: Call) -> None:
    """Return the jobs that suppress."""
    _list(call, lift=False)


def get_bulk_unsuppress_profiles_jobs(call: Call) -> None:
    """Return the jobs that lift suppressions."""
    _list(call, lift=True)


def _list(call: Call, *, lift: bool) -> None:
    """Return a page of jobs, by default the newest first (seen live, 2026)."""
    query = call.query if call.query.sort else call.query._replace(descending=True)
    found = [
        job
        for job in call.world.jobs.every(SuppressionJob)
        if job.lift is lift and all(filters.holds(clause, _value(job, clause.field)) for clause in query.clauses)
    ]
    shown = page(found, lambda job: (job.created, job.id), query)
    call.send_page([document_jobs.suppression_job(call, job) for job in shown.items], shown.cursor)


def _value(job: SuppressionJob, field: str) -> str | None:
    """Return the value that a filter compares; no job is about a segment."""
    return {"status": job.status, "list_id": job.list_id}.get(field)


def get_bulk_suppress_profiles_job(call: Call) -> None:
    """Return a job that suppresses."""
    _show(call, lift=False)


def get_bulk_unsuppress_profiles_job(call: Call) -> None:
    """Return a job that lifts suppressions."""
    _show(call, lift=True)


def _show(call: Call, *, lift: bool) -> None:
    job = call.world.jobs.get(call.subject, SuppressionJob)
    if job is None or job.lift is not lift:
        raise not_found("Invalid job id")
    call.send_one(200, document_jobs.suppression_job(call, job))
