"""Klaviyo's resource objects for import jobs, their errors, and suppression jobs."""

from __future__ import annotations

from emulator.jobs import Progress
from emulator.jsonapi import Call, Json, identifier, relationships, resource
from emulator.times import fine_stamp, stamp
from emulator.work import ImportFailure, ImportJob, SuppressionJob


def import_job(call: Call, job: ImportJob, progress: Progress) -> Json:
    """Return a job as it is read later: times with microseconds."""
    attributes = {
        "status": progress.status,
        "created_at": fine_stamp(job.created),
        "total_count": job.total,
        "completed_count": progress.completed_count,
        "failed_count": progress.failed_count,
        "completed_at": None if progress.completed is None else fine_stamp(progress.completed),
        "expires_at": fine_stamp(job.created + call.world.jobs.lifetime),
        "started_at": None if progress.started is None else fine_stamp(progress.started),
    }
    return _job(call, job, attributes)


def accepted_job(call: Call, job: ImportJob) -> Json:
    """Return a job as in the 202: always queued, times cut to the second, so they do not match those read later."""
    attributes = {
        "status": "queued",
        "created_at": stamp(job.created),
        "total_count": job.total,
        "completed_count": 0,
        "failed_count": 0,
        "completed_at": None,
        "expires_at": stamp(job.created + call.world.jobs.lifetime),
        "started_at": None,
    }
    return _job(call, job, attributes)


def _job(call: Call, job: ImportJob, attributes: Json) -> Json:
    kind = "profile-bulk-import-job"
    url = call.url("profile-bulk-import-jobs", job.id)
    linked = {"lists": [identifier("list", list_id) for list_id in job.list_ids]}
    related = relationships(url, ("lists", "profiles", "import-errors"), linked)
    del related["import-errors"]["links"]["self"]
    return {**resource(kind, job.id, call.query.shown(kind, attributes), url), "relationships": related}


def suppression_kind(*, lift: bool) -> str:
    """Return the type of the jobs that suppress, or `lift` suppressions."""
    return f"profile-suppression-bulk-{'delete' if lift else 'create'}-job"


def suppression_job(call: Call, job: SuppressionJob) -> Json:
    """Return a job to suppress or unsuppress; while it is in progress, its counts are 0 (seen live, 2026)."""
    kind = suppression_kind(lift=job.lift)
    attributes = {
        "status": job.status,
        "created_at": fine_stamp(job.created),
        "total_count": job.total,
        "completed_count": job.total - job.skipped,
        "completed_at": None if job.completed is None else fine_stamp(job.completed),
        "skipped_count": job.skipped,
    }
    url = call.url(f"{kind}s", job.id)
    linked = {"lists": [identifier("list", job.list_id)]} if job.list_id else {}
    related = relationships(url, ("lists", "segments"), linked)
    return {**resource(kind, job.id, call.query.shown(kind, attributes), url), "relationships": related}


def import_error(call: Call, failure: ImportFailure) -> Json:
    """Return a row that was not imported; `original_payload` is flat: its attributes, and its id if it had one."""
    row_id = {"id": failure.row["id"]} if failure.row.get("id") else {}
    attributes = {
        "code": failure.code,
        "title": "Invalid input.",
        "detail": failure.detail,
        "source": {"pointer": "/data"},
        "original_payload": {**failure.row["attributes"], **row_id},
    }
    url = call.url("import-errors", failure.id)
    return resource("import-error", failure.id, call.query.shown("import-error", attributes), url)
