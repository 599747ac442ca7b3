"""Carries out import jobs: rows become profiles and members, and some fail although they were accepted."""

from __future__ import annotations

import re
from collections.abc import Iterable

from emulator.clashes import People
from emulator.ids import short_id
from emulator.lists import Lists
from emulator.profiles import ClashError, Profiles, UnknownProfileError
from emulator.work import ImportFailure, ImportJob, Row

MAGIC = re.compile(r"fail\+([A-Za-z0-9_-]+)@", re.IGNORECASE)
_DUPLICATES = {"email": "email", "phone_number": "phone number"}


def carry_out(job: ImportJob, people: People, now: float) -> None:
    """Upsert every row in order; of two rows for one person, the last wins.

    A row with an e-mail address `fail+<code>@...` fails with that code.
    """
    written = []
    for row in job.rows:
        try:
            written.append(_import(row, people, now))
        except _RowError as error:
            job.failures.append(ImportFailure(short_id(), error.code, error.detail, row))
    job.imported = _existing(dict.fromkeys(written), people.profiles)
    job.rows = []


def join(job: ImportJob, profiles: Profiles, lists: Lists, now: float) -> None:
    """Add the imported people to the lists; deleted lists and profiles are skipped."""
    for list_id in job.list_ids:
        if list_id in lists.by_id:
            lists.join(lists.by_id[list_id], _existing(job.imported, profiles), now)


def _existing(profile_ids: Iterable[str], profiles: Profiles) -> list[str]:
    """Return the ids without profiles that were deleted or merged into another."""
    return [profile_id for profile_id in profile_ids if profile_id in profiles.by_id]


class _RowError(Exception):
    """The row is not imported."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail


def _import(row: Row, people: People, now: float) -> str:
    magic = MAGIC.match(row["attributes"].get("email") or "")
    if magic:
        raise _RowError(magic[1], "The row was refused because its address asks for it.")
    try:
        return people.upsert(row, now, clear_nulls=False)[0].id
    except ClashError as clash:
        value = row["attributes"][clash.field]
        raise _RowError("invalid", f"Duplicate {_DUPLICATES.get(clash.field, clash.field)} found: {value}") from None
    except UnknownProfileError:
        raise _RowError("not_found", f"A profile with id {row['id']} does not exist.") from None
