"""Carries out suppression jobs: an operator stops e-mail to people, or allows it again."""

from __future__ import annotations

from collections.abc import Iterator

from emulator.lists import Lists
from emulator.profiles import Profile, Profiles
from emulator.work import SuppressionJob


def carry_out(job: SuppressionJob, profiles: Profiles, lists: Lists, now: float) -> None:
    """Suppress people, creating profiles for unknown addresses, or lift the reason USER_SUPPRESSED and no other.

    People who are in the wanted state already count as skipped.
    """
    for person in _people(job, profiles, lists, now):
        job.total += 1
        suppressions = person.consent().suppressions
        if ("USER_SUPPRESSED" in suppressions) is not job.lift:
            job.skipped += 1
        elif job.lift:
            del suppressions["USER_SUPPRESSED"]
        else:
            suppressions["USER_SUPPRESSED"] = now


def _people(job: SuppressionJob, profiles: Profiles, lists: Lists, now: float) -> Iterator[Profile]:
    if job.list_id in lists.by_id:
        yield from (profiles.by_id[member] for member in lists.by_id[job.list_id].members)
    for email in job.emails:
        person = profiles.find("email", email)
        if person is None and not job.lift:
            person, _ = profiles.upsert({"attributes": {"email": email}}, now, clear_nulls=False)
        if person is None:
            job.total += 1
            job.skipped += 1
        else:
            yield person
