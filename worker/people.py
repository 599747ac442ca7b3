"""From the intents of a batch to what Klaviyo is sent: import rows, and the identifiers of those who leave."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Literal

import orjson

from mappings.merge import merge
from mappings.person import Person
from mappings.profile import Profile, to_profile
from mappings.rules import Rules
from mappings.sources import read
from queues.change import Change
from worker.delivery import Delivery
from worker.guarding import guarded
from worker.progress import Rejection

Identifier = Literal["email", "phone_number", "external_id"]
#: Strongest first.
IDENTIFIERS: Final[tuple[Identifier, ...]] = ("email", "phone_number", "external_id")
#: Klaviyo takes 100 KB a profile; one more byte would cost the whole request.
MAX_ROW = 100_000


def rows(delivery: Delivery, persons: Iterable[int]) -> dict[int, bytes]:
    """The import row of each person; those who cannot be mapped are rejected with the reason."""
    found: dict[int, bytes] = {}
    for person in persons:
        mapped = _of_delivery(delivery, delivery.intents[person].written)
        row = encode_row(mapped) if isinstance(mapped, Profile) else b""
        if isinstance(mapped, Rejection):
            delivery.progress.rejected[person] = mapped
        elif len(row) > MAX_ROW:
            delivery.reject(person, "profile_too_large", {"detail": f"{len(row)} bytes; Klaviyo takes {MAX_ROW}"})
        else:
            found[person] = row
            if mapped.clear:
                delivery.progress.clear[person] = mapped.clear
            if mapped.warnings:
                delivery.progress.warnings[person] = mapped.warnings
    return found


def encode_row(profile: Profile) -> bytes:
    """One element of `profiles.data` of a bulk import (Klaviyo: bulk_import_profiles)."""
    row: dict[str, object] = {"type": "profile", "attributes": profile.attributes}
    if profile.unset:
        row["meta"] = {"patch_properties": {"unset": profile.unset}}
    return orjson.dumps(row)


def identifiers(delivery: Delivery, person: int) -> list[tuple[Identifier, str]]:
    """Under what a person who leaves may be on the list, by any of the person's changes.

    The strongest identifier of each: a weaker one, such as a phone, may belong to somebody else there. None: nothing
    leads to the person, who is rejected.
    """
    found: dict[tuple[Identifier, str], None] = {}
    rejection: Rejection | None = None
    for change in reversed(delivery.intents[person].indexes):
        mapped = _of_delivery(delivery, [change])
        if isinstance(mapped, Rejection):
            rejection = rejection or mapped
        else:
            name = next(name for name in IDENTIFIERS if name in mapped.attributes)
            found[(name, mapped.attributes[name])] = None
    if rejection and not found:
        delivery.progress.rejected[person] = rejection
    return list(found)


def known_by(delivery: Delivery, person: int) -> dict[str, str]:
    """Every identifier under which the person was uploaded."""
    mapped = _of_delivery(delivery, delivery.intents[person].written)
    attributes = mapped.attributes if isinstance(mapped, Profile) else {}
    return {name: attributes[name] for name in IDENTIFIERS if name in attributes}


def _of_delivery(delivery: Delivery, changes: Sequence[int]) -> Profile | Rejection:
    return mapped_by(delivery.to.rules, [delivery.batch.changes[i] for i in changes], f"batch {delivery.batch.id}")


def mapped_by(rules: Rules, changes: Sequence[Change], where: str) -> Profile | Rejection:
    """What changes of one person, oldest first, come to by these rules. `where` they stand: for the log."""
    return guarded(lambda: to_profile(merge([_read(change) for change in changes]), rules), where)


def _read(change: Change) -> Person:
    return read(change.body.source, bytes(change.body.person))
