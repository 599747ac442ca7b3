"""Klaviyo's resource objects for import jobs, their errors, and suppression jobs."""

from __future__ import annotations

from falcon.asgi import Request

from emulator.jobs import Progress
from emulator.jsonapi import Json, relation, resource, url_of
from emulator.query import fields
from emulator.times import fine_stamp, stamp
from emulator.work import ImportFailure, ImportJob, SuppressionJob


def import_job(req: Request, job: ImportJob, progress: Progress, lifetime: float) -> Json:
    """Return a job as it is read later: times with microseconds."""
    attributes = {
        "status": progress.status,
        "created_at": fine_stamp(job.created),
        "total_count": job.total,
        "completed_count": progress.completed_count,
        "failed_count": progress.failed_count,
        "completed_at": None if progress.completed is None else fine_stamp(progress.completed),
        "expires_at": fine_stamp(job.created + lifetime),
        "started_at": None if progress.started is None else fine_stamp(progress.started),
    }
    return _job(req, job, attributes)


def accepted_job(req: Request, job: ImportJob, lifetime: float) -> Json:
    """Return a job as in the 202: always queued, times cut to the second, so they do not match those read later."""
    attributes = {
        "status": "queued",
        "created_at": stamp(job.created),
        "total_count": job.total,
        "completed_count": 0,
        "failed_count": 0,
        "completed_at": None,
        "expires_at": stamp(job.created + lifetime),
        "started_at": None,
    }
    return _job(req, job, attributes)


def _job(req: Request, job: ImportJob, attributes: Json) -> Json:
    kind = "profile-bulk-import-job"
    url = url_of(req, "profile-bulk-import-jobs", job.id)
    document = resource(kind, job.id, attributes, url, fields(req, kind))
    document["relationships"] = {
        "lists": {"data": [{"type": "list", "id": list_id} for list_id in job.list_ids], **relation(url, "lists")},
        "profiles": relation(url, "profiles"),
        "import-errors": relation(url, "import-errors", own=False),
    }
    return document


def suppression_job(req: Request, job: SuppressionJob) -> Json:
    """Return a job to suppress or unsuppress; while it is in progress, its counts are 0 (seen live, 2026)."""
    kind = f"profile-suppression-bulk-{'delete' if job.lift else 'create'}-job"
    attributes = {
        "status": "processing" if job.completed is None else "complete",
        "created_at": fine_stamp(job.created),
        "total_count": job.total,
        "completed_count": job.total - job.skipped,
        "completed_at": None if job.completed is None else fine_stamp(job.completed),
        "skipped_count": job.skipped,
    }
    url = url_of(req, f"{kind}s", job.id)
    document = resource(kind, job.id, attributes, url, fields(req, kind))
    lists = [{"type": "list", "id": job.list_id}] if job.list_id else []
    document["relationships"] = {
        "lists": {"data": lists, **relation(url, "lists")},
        "segments": {"data": [], **relation(url, "segments")},
    }
    return document


def import_error(req: Request, failure: ImportFailure) -> Json:
    """Return a row that was not imported; `original_payload` is flat: its attributes, and its id if it had one."""
    row_id = {"id": failure.row["id"]} if failure.row.get("id") else {}
    attributes = {
        "code": failure.code,
        "title": "Invalid input.",
        "detail": failure.detail,
        "source": {"pointer": "/data"},
        "original_payload": {**failure.row["attributes"], **row_id},
    }
    url = url_of(req, "import-errors", failure.id)
    return resource("import-error", failure.id, attributes, url, fields(req, "import-error"))
