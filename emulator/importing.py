"""Carrying out an import job: rows become profiles and members, and some fail although they were accepted."""

from __future__ import annotations

import re

from emulator.ids import short_id
from emulator.lists import Lists
from emulator.profiles import IDENTIFIERS, ClashError, Profiles, UnknownProfileError
from emulator.work import ImportFailure, ImportJob, Row

MAGIC = re.compile(r"fail\+([A-Za-z0-9_-]+)@", re.IGNORECASE)
SHORTEST_PHONE = 8

_DUPLICATES = {"email": "email", "phone_number": "phone number"}


def carry_out(job: ImportJob, profiles: Profiles, lists: Lists, now: float) -> None:
    """Upsert every row in order, so that of two rows for one person the last wins, and add them to the lists.

    A list deleted in the meantime is passed over. An e-mail address `fail+<code>@...` fails with that code.
    """
    imported = []
    for row in job.rows:
        try:
            imported.append(_import(row, profiles, now))
        except _RowError as error:
            job.failures.append(ImportFailure(short_id(), error.code, error.detail, row))
    for list_id in job.list_ids:
        if list_id in lists.by_id:
            lists.join(lists.by_id[list_id], imported, now)
    job.rows = []


class _RowError(Exception):
    """The row is not imported."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail


def _import(row: Row, profiles: Profiles, now: float) -> str:
    magic = MAGIC.match(row["attributes"].get("email") or "")
    if magic:
        raise _RowError(magic[1], "The row was refused because its address asks for it.")
    try:
        return profiles.upsert(_without_useless_phone(row), now, clear_nulls=False)[0].id
    except ClashError as clash:
        value = row["attributes"][clash.field]
        raise _RowError("invalid", f"Duplicate {_DUPLICATES.get(clash.field, clash.field)} found: {value}") from None
    except UnknownProfileError:
        raise _RowError("not_found", f"A profile with id {row['id']} does not exist.") from None


def _without_useless_phone(row: Row) -> Row:
    """Klaviyo drops a number that is well-formed and too short to exist, without an error (seen live, 2026)."""
    attributes = row["attributes"]
    phone = attributes.get("phone_number")
    if phone is None or len(phone) >= SHORTEST_PHONE:
        return row
    rest = {name: value for name, value in attributes.items() if name != "phone_number"}
    if not row.get("id") and not any(rest.get(name) for name in IDENTIFIERS):
        raise _RowError("invalid", "Invalid phone number, and nothing else to know the person by.")
    return {**row, "attributes": rest}
