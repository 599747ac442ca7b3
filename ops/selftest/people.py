"""People made up for a question: making them, importing a row about them, and looking who they are afterwards."""

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
#: Seconds in which Klaviyo may still merge profiles, or show what it has taken; it documents neither.
SETTLE_S: Final = 30.0
#: Seconds until somebody who is not on the list counts as not put there.
_LISTED_S: Final = 120.0
_DRAWS: Final = 20
_AREAS: Final = (201, 202, 205, 206, 208, 212, 213, 214, 216, 303, 305, 312, 313, 314, 404, 406, 412, 503, 602, 702)


@dataclass(frozen=True, slots=True)
class ImportAnswer:
    """What Klaviyo told of rows. `taken`: it refused none of them. `left_out`: fields that it went on without.

    `wrote`: the profiles that the import wrote; none where it was refused.
    """

    taken: bool
    said: str
    left_out: list[str]
    wrote: list[FoundProfile]


def free_phone(trial: Trial) -> str:
    """A phone number that no profile of the account has: a question must not touch anybody else. Raises TrialFailed."""
    for _ in range(_DRAWS):
        phone = _drawn()
        if not _known(trial, phone):
            return phone
    raise TrialFailed("the account has every phone number that was tried; use an account with fewer made-up numbers")


def make(trial: Trial, *people: Person, onto: str | None = None) -> list[FoundProfile]:
    """New people, a profile each, in their order. Raises NotAccepted and TrialFailed."""
    told = send(trial, *people, onto=onto)
    if not told.taken:
        raise TrialFailed(f"its people could not be made: {told.said}")
    return [_made(trial, person) for person in people]


def send(trial: Trial, *people: Person, onto: str | None = None, **more: object) -> ImportAnswer:
    """Import a row for each and wait for the end; `more`: beside their attributes.

    Raises NotAccepted where Klaviyo's refusal is not about the rows, and TrialFailed where the import does not end.
    """
    try:
        job = trial.upload(*people, onto=onto, **more)
    except NotAccepted as refusal:
        if not isinstance(refusal.outcome, (Rows, Bisect, Dead)):
            raise
        return ImportAnswer(False, f"refused at once, {trial.heard.said()}", [], [])
    left_out = trial.heard.left_out()
    done = trial.complete(job.id)
    wrote = _wrote(trial, done)
    return ImportAnswer(not done.failed, _said(trial, done), left_out, wrote)


def look(trial: Trial, ids: Sequence[str], emails: Sequence[str]) -> dict[str, FoundProfile]:
    """The profiles with these ids, and those that these e-mails lead to, by id. Raises NotAccepted."""
    found = [*_found(trial, "id", ids), *_found(trial, "email", emails)]
    return {each.id: each for each in found}


def holder(trial: Trial, email: str) -> str:
    """The id of the profile that this e-mail leads to, its primary one or not.

    Where no look-up finds it, a row with it alone is imported, which goes to the profile that has it, or makes one.
    Raises NotAccepted and TrialFailed.
    """
    found = trial.until(lambda: _found(trial, "email", [email]), bool, SETTLE_S)
    if not found:
        found = send(trial, {"email": email}).wrote
    if len(found) != 1:
        raise TrialFailed(f"{len(found)} profiles have one e-mail, by Klaviyo's answer")
    return found[0].id


def listed(trial: Trial, email: str, patience_s: float = _LISTED_S) -> bool:
    """Whether this e-mail finds somebody on the list. Raises NotAccepted."""
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
    """One of the numbers that are given to nobody (North American Numbering Plan: 555-0100 to 555-0199)."""
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
            f"its people could not be made: Klaviyo shows {len(found)} profiles, or not as they were sent"
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
