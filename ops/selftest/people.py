"""Invented people for a question: create them, import a row about them, and look them up afterwards."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from klaviyo import imports, lookups
from klaviyo.errors import NotAccepted
from klaviyo.imports import ImportJob
from klaviyo.lookups import FoundProfile, ProfileField
from klaviyo.outcomes import Bisect, Dead, Rows
from ops.selftest.trial import Trial, TrialFailed

Person = dict[str, Any]
#: Seconds in which Klaviyo may still merge profiles, or show accepted data; it documents neither.
SETTLE_S: Final = 30.0
#: Seconds until a person who is not on the list counts as not added.
_LISTED_S: Final = 120.0
_DRAWS: Final = 20
_AREAS: Final = (201, 202, 205, 206, 208, 212, 213, 214, 216, 303, 305, 312, 313, 314, 404, 406, 412, 503, 602, 702)


@dataclass(frozen=True, slots=True)
class ImportAnswer:
    """Klaviyo's answer to rows. `taken`: it refused no row. `left_out`: the fields that it skipped.

    `wrote`: the profiles that the import wrote; none if it was refused.
    """

    taken: bool
    said: str
    left_out: list[str]
    wrote: list[FoundProfile]


def free_phone(trial: Trial) -> str:
    """Return a phone number that no profile of the account has. Raises TrialFailed if none was found."""
    for _ in range(_DRAWS):
        phone = _drawn()
        if not _known(trial, phone):
            return phone
    raise TrialFailed(
        f"the account has all {_DRAWS} phone numbers that were tried; use an account with fewer invented numbers"
    )


def make(trial: Trial, *people: Person, onto: str | None = None) -> list[FoundProfile]:
    """Create people and return their profiles in the same order. Raises NotAccepted and TrialFailed."""
    answer = send(trial, *people, onto=onto)
    if not answer.taken:
        raise TrialFailed(f"its people could not be created: {answer.said}")
    return [_made(trial, person) for person in people]


def send(trial: Trial, *people: Person, onto: str | None = None, **more: object) -> ImportAnswer:
    """Import a row for each person and wait for the end; `more`: fields beside the attributes.

    Raises NotAccepted when Klaviyo's refusal is not about the rows, and TrialFailed when the import does not end.
    """
    try:
        job = trial.upload(*people, onto=onto, **more)
    except NotAccepted as refusal:
        if not isinstance(refusal.outcome, (Rows, Bisect, Dead)):
            raise
        return ImportAnswer(False, f"refused immediately, {trial.heard.said()}", [], [])
    left_out = trial.heard.left_out()
    done = trial.complete(job.id)
    wrote = _wrote(trial, done)
    return ImportAnswer(not done.failed, _said(trial, done), left_out, wrote)


def look(trial: Trial, ids: Sequence[str], emails: Sequence[str]) -> dict[str, FoundProfile]:
    """Return the profiles with these ids or e-mails, by id. Raises NotAccepted."""
    found = [*_found(trial, "id", ids), *_found(trial, "email", emails)]
    return {each.id: each for each in found}


def holder(trial: Trial, email: str) -> str:
    """Return the id of the profile that has this e-mail, as its primary one or not.

    If no look-up finds it, a row with only this e-mail is imported: it updates the profile that has it, or creates one.
    Raises NotAccepted and TrialFailed.
    """
    found = trial.until(lambda: _found(trial, "email", [email]), bool, SETTLE_S)
    if not found:
        found = send(trial, {"email": email}).wrote
    if len(found) != 1:
        raise TrialFailed(f"Klaviyo shows {len(found)} profiles for one e-mail")
    return found[0].id


def listed(trial: Trial, email: str, patience_s: float = _LISTED_S) -> bool:
    """Return whether a person with this e-mail is on the list. Raises NotAccepted."""
    return bool(
        trial.until(
            lambda: lookups.find_members(trial.call, trial.list_id, "email", [email]),
            lambda found: found != [],
            patience_s,
        )
    )


def _known(trial: Trial, phone: str) -> bool:
    return bool(trial.ask(lambda: lookups.find_profiles(trial.call, "phone_number", [phone])))


def _drawn() -> str:
    """Return a number that is never assigned (North American Numbering Plan: 555-0100 to 555-0199)."""
    return f"+1{secrets.choice(_AREAS)}55501{secrets.randbelow(100):02}"


def _found(trial: Trial, field: ProfileField, values: Sequence[str]) -> list[FoundProfile]:
    found = trial.ask(lambda: lookups.find_profiles(trial.call, field, values)) if values else []
    trial.note(found)
    return found


def _made(trial: Trial, person: Person) -> FoundProfile:
    field: ProfileField = "email" if "email" in person else "phone_number"
    found = trial.until(lambda: _found(trial, field, [person[field]]), bool, SETTLE_S)
    if [{name: getattr(each, name) for name in person} for each in found] != [person]:
        raise TrialFailed(
            f"its people could not be created: Klaviyo shows {len(found)} profiles, or other values than were sent"
        )
    return found[0]


def _wrote(trial: Trial, done: ImportJob) -> list[FoundProfile]:
    if not done.completed:
        return []
    found = trial.until(lambda: list(lookups.imported_profiles(trial.call, done.id)), bool, SETTLE_S)
    trial.note(found)
    return found


def _said(trial: Trial, done: ImportJob) -> str:
    counts = f"{done.status}, {done.completed} imported, {done.failed} failed"
    if not done.failed:
        return counts
    errors = trial.ask(lambda: list(imports.read_errors(trial.call, done.id)))
    return f"{counts}, {'; '.join(f'{each.code}: {each.detail}' for each in errors) or 'no error to read'}"
