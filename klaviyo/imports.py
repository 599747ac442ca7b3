"""Bulk profile imports: upload, poll, read the errors (Klaviyo: bulk profile import guide)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

import msgspec

from klaviyo.calls import Caller, checked_rows, send_rows, shape
from klaviyo.endpoints import BULK_IMPORT, IMPORT_ERRORS, IMPORT_JOB
from klaviyo.errors import NotAccepted
from klaviyo.lookups import folded, query
from klaviyo.outcomes import Retry, token

#: The most profiles in one import, and the most bytes of them (Klaviyo: bulk import profiles).
MAX_ROWS = 10_000
LIST_NOT_ECHOED = Retry(after_s=None, counts=True, why="list_not_echoed")
_ROW_POINTER = re.compile(r"/profiles/data/([0-9]{1,6})(?:/|$)")
#: The identifiers of a row, strongest first.
_IDENTIFIERS: Final = ("email", "external_id", "phone_number")
_Moment = Annotated[datetime, msgspec.Meta(tz=True)]


@dataclass(frozen=True, slots=True)
class ImportJob:
    """An import job. `status`: queued, processing, complete (perhaps with failed rows) or cancelled.

    `expires_at`: when Klaviyo deletes the job and its errors, 7 days after creation; None if not given.
    `took_ms`: from its creation to its completion, by Klaviyo's clock; None if not given.
    """

    id: str
    status: str
    total: int
    completed: int
    failed: int
    expires_at: datetime | None
    took_ms: int | None = None


@dataclass(frozen=True, slots=True)
class RowFailure:
    """A row that an accepted job could not import.

    `payload`: the row as Klaviyo returns it, for matching; `index`: its place in the upload if the pointer names one,
    which Klaviyo does not guarantee.
    """

    code: str
    detail: str = field(repr=False)
    payload: dict[str, Any] | None = field(repr=False)
    index: int | None
    error_id: str


class RowFinder:
    """Finds the row that a failure is about: by an identifier that Klaviyo repeats, else by the index that it names.

    `rows`: the identifiers of each uploaded row, by Klaviyo's names. One that several rows have finds none of them.
    """

    def __init__(self, rows: Sequence[Mapping[str, str]]) -> None:
        self._count = len(rows)
        having = Counter(pair for row in rows for pair in row.items())
        self._place = {pair: place for place, row in enumerate(rows) for pair in row.items() if having[pair] == 1}

    def __call__(self, failure: RowFailure) -> int | None:
        """Return the place of the row, from 0; None if it cannot be told."""
        attributes = (failure.payload or {}).get("attributes", failure.payload) or {}
        for name in _IDENTIFIERS:
            value = attributes.get(name)  # null must not find the person whose id is the word None
            place = None if value is None else self._place.get((name, folded(name, str(value))))
            if place is not None:
                return place
        return failure.index if failure.index is not None and failure.index < self._count else None


def upload(call: Caller, rows: Sequence[bytes], list_id: str | None) -> ImportJob:
    """Import `rows`, each an encoded JSON:API profile, and add them to the list if one is given.

    An accepted job is not imported yet: poll it. Raises ValueError for no rows or more than Klaviyo takes, and
    NotAccepted. With Bisect, check that the list exists before halving: Klaviyo may refuse an import onto a deleted
    list without naming it. With LIST_NOT_ECHOED the people are imported but perhaps not on the list.
    """
    document = send_rows(call, BULK_IMPORT, encode_import(rows, list_id), len(rows))
    job = shape(BULK_IMPORT, document, _Document).data
    # Klaviyo reports no error for a misplaced relationship: it creates the profiles and the list stays empty.
    if list_id is not None and list_id not in job.list_ids():
        raise NotAccepted(BULK_IMPORT.name, LIST_NOT_ECHOED)
    return job.value()


def encode_import(rows: Sequence[bytes], list_id: str | None) -> bytes:
    """Return the request's body. The encoded rows are joined: encoding 10,000 again takes 50 ms, joining them 2 ms."""
    lists = b""
    if list_id is not None:
        identifier = msgspec.json.encode(list_id)
        lists = b',"relationships":{"lists":{"data":[{"type":"list","id":' + identifier + b"}]}}"
    head = b'{"data":{"type":"profile-bulk-import-job","attributes":{"profiles":{"data":['
    return checked_rows(b"".join((head, b",".join(rows), b"]}}", lists, b"}}")), len(rows), MAX_ROWS)


def read_job(call: Caller, job_id: str) -> ImportJob:
    """Return the current state of the job. Raises NotAccepted, with Gone for a job that Klaviyo no longer knows."""
    return shape(IMPORT_JOB, call(IMPORT_JOB, job_id), _Document).data.value()


def read_errors(call: Caller, job_id: str) -> Iterator[RowFailure]:
    """Yield every error of the job, page by page. Raises NotAccepted, also between pages."""
    for page in call.pages(IMPORT_ERRORS, job_id, query({"page[size]": "100"})):
        for error in shape(IMPORT_ERRORS, page, list[_Error]):
            yield error.value()


class _Reference(msgspec.Struct, frozen=True):
    id: str


class _Lists(msgspec.Struct, frozen=True):
    data: list[_Reference] = []


class _Relationships(msgspec.Struct, frozen=True):
    lists: _Lists | None = None


class _Attributes(msgspec.Struct, frozen=True):
    status: str
    total_count: int | None = None
    completed_count: int | None = None
    failed_count: int | None = None
    expires_at: datetime | None = None
    created_at: Any = None
    completed_at: Any = None


class _Job(msgspec.Struct, frozen=True):
    id: str
    attributes: _Attributes
    relationships: _Relationships | None = None

    def list_ids(self) -> list[str]:
        lists = self.relationships.lists if self.relationships else None
        return [reference.id for reference in lists.data] if lists else []

    def value(self) -> ImportJob:
        found = self.attributes
        counts = (found.total_count or 0, found.completed_count or 0, found.failed_count or 0)
        took = duration_ms(found.created_at, found.completed_at)
        return ImportJob(self.id, found.status, *counts, found.expires_at, took)


class _Document(msgspec.Struct, frozen=True):
    data: _Job


class _Source(msgspec.Struct, frozen=True):
    pointer: str | None = None


class _ErrorAttributes(msgspec.Struct, frozen=True):
    code: str = ""
    detail: str | None = None
    source: _Source | None = None
    original_payload: dict[str, Any] | None = None


class _Error(msgspec.Struct, frozen=True):
    id: str
    attributes: _ErrorAttributes

    def value(self) -> RowFailure:
        found = self.attributes
        match = _ROW_POINTER.search((found.source and found.source.pointer) or "")
        index = int(match[1]) if match else None
        return RowFailure(token(found.code), found.detail or "", found.original_payload, index, token(self.id))


def duration_ms(created: object, completed: object) -> int | None:
    """Return the ms from `created_at` to `completed_at`, or None when either is missing or unreadable.

    Raises nothing: the duration is only shown to people and must not stop a delivery.
    """
    try:
        took = msgspec.convert(completed, _Moment) - msgspec.convert(created, _Moment)
    except msgspec.ValidationError:
        return None
    return max(0, took // timedelta(milliseconds=1))
