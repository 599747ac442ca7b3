"""Klaviyo's resource objects for profiles, lists, import jobs, import errors and the account."""

from __future__ import annotations

from falcon.asgi import Request

from emulator.fields import LOCATION
from emulator.jobs import ImportFailure, ImportJob, Progress
from emulator.jsonapi import Json, relation, resource, url_of
from emulator.lists import MailingList, Member
from emulator.profiles import Profile
from emulator.query import fields
from emulator.times import fine_stamp, stamp

_TEXTS = ("email", "phone_number", "external_id", "first_name", "last_name", "organization", "locale", "title", "image")


def profile(req: Request, person: Profile, member: Member | None = None) -> Json:
    """A profile; unset values are null. `member`: it is read as one of a list, and says when it joined."""
    attributes: Json = {name: person.attributes.get(name) for name in _TEXTS}
    attributes |= {"anonymous_id": None, "last_event_date": None}
    attributes |= {"created": stamp(person.created), "updated": stamp(person.updated)}
    attributes["location"] = {name: person.location.get(name) for name in LOCATION}
    attributes["properties"] = person.properties
    if member is not None:
        attributes["joined_group_at"] = stamp(member.joined)
    url = url_of(req, "profiles", person.id)
    document = resource("profile", person.id, attributes, url, fields(req, "profile"))
    names = ("lists", "segments", "push-tokens", "conversation")
    document["relationships"] = {name: relation(url, name) for name in names}
    return document


def mailing_list(req: Request, item: MailingList) -> Json:
    """A list."""
    attributes = {
        "name": item.name,
        "created": stamp(item.created),
        "updated": stamp(item.updated),
        "opt_in_process": item.opt_in_process,
    }
    url = url_of(req, "lists", item.id)
    document = resource("list", item.id, attributes, url, fields(req, "list"))
    document["relationships"] = {name: relation(url, name) for name in ("profiles", "tags", "flow-triggers")}
    return document


def import_job(req: Request, job: ImportJob, progress: Progress, lifetime: float) -> Json:
    """A job as it is read later: times with microseconds."""
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
    """A job as the 202 shows it: always queued, times cut to the second (so neither can be matched with the other)."""
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


def import_error(req: Request, failure: ImportFailure) -> Json:
    """A row that was not imported; `original_payload` is flat: the attributes, and the id if the row had one."""
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


def account(req: Request, account_id: str) -> Json:
    """The one account there is."""
    nowhere = dict.fromkeys(("address1", "address2", "city", "region", "country", "zip"))
    attributes = {
        "test_account": True,
        "contact_information": {
            "default_sender_name": "Emulator",
            "default_sender_email": "sender@example.com",
            "website_url": None,
            "organization_name": "Emulator",
            "street_address": nowhere,
        },
        "industry": None,
        "timezone": "UTC",
        "preferred_currency": "USD",
        "public_api_key": account_id,
        "locale": "en-US",
    }
    return resource("account", account_id, attributes, url_of(req, "accounts", account_id), fields(req, "account"))
