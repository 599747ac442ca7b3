"""A trial on an account: what it created there, and how it waits."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, TypeVar

import msgspec

from klaviyo import imports, lists
from klaviyo.calls import Caller
from klaviyo.errors import NotAccepted
from klaviyo.imports import ImportJob
from klaviyo.lookups import FoundProfile
from klaviyo.outcomes import Retry
from klaviyo.profiles import Identifier
from ops.selftest.recording import RecordingTransport

Answer = TypeVar("Answer")
#: The key by which something can be removed: a list by its name, a person by one identifier.
Key = tuple[Literal["list"] | Identifier, str]
_BEFORE_ITS_ID: Final[tuple[Identifier, ...]] = ("email", "phone_number")
#: Seconds until an import that is not complete, or a person who is not found, counts as failed.
PATIENCE_S: Final = 600.0
_LONGEST_S: Final = 15.0


class TrialFailed(Exception):
    """A step failed; the message contains Klaviyo's answer."""


@dataclass
class Trial:
    """A trial. `connect`: creates a transport. `mark`: part of the names of everything it creates.

    `made`: what may exist, from before the request until it is known to be gone. `unsure`: the number of imports that
    Klaviyo may have accepted and whose result is unknown.
    """

    call: Caller
    heard: RecordingTransport
    connect: Callable[[type[RecordingTransport]], RecordingTransport]
    mark: str
    sleep: Callable[[float], None] = time.sleep
    list_id: str = ""
    made: dict[Key, str] = field(default_factory=dict)
    unsure: int = 0
    under_way: list[str] = field(default_factory=list)

    @property
    def list_name(self) -> str:
        """Return the name of the list that it creates."""
        return f"Ferry selftest {self.mark}"

    def email(self, who: str) -> str:
        """Return the e-mail of an invented person; example.com belongs to nobody (RFC 2606)."""
        return f"{self._ours}{who}@example.com"

    @property
    def _ours(self) -> str:
        return f"ferry-selftest-{self.mark.lower()}-"

    def over(self, transport: RecordingTransport) -> Trial:
        """Return the same trial over another transport; what that one creates is recorded in this one."""
        return replace(self, call=replace(self.call, transport=transport), heard=transport)

    def ask(self, question: Callable[[], Answer]) -> Answer:
        """Return the answer to `question`; wait while a rate limit blocks it. Raises NotAccepted."""
        while True:
            try:
                return question()
            except NotAccepted as refusal:
                outcome = refusal.outcome
                if not isinstance(outcome, Retry) or outcome.why not in ("throttled", "own_limit"):
                    raise
                self.sleep(outcome.after_s or 1.0)

    def make_list(self) -> None:
        """Create the list of the trial. Raises NotAccepted."""
        self.made["list", self.list_name] = f"the list {self.list_name!r}"
        self.list_id = self.ask(lambda: lists.create_list(self.call, self.list_name))

    def upload(self, *people: dict[str, Any], onto: str | None = None, **more: object) -> ImportJob:
        """Start an import of people; `more`: fields beside their attributes. Raises NotAccepted.

        Each person has an `email`, or only a `phone_number`, or is a known profile, with its `id` in `more`.
        """
        keys: list[Key] = [(name, person[name]) for person in people for name in _key_fields(person)]
        fresh = {key: f"the profile {key[1]}" for key in keys if key not in self.made}
        self.made |= fresh
        rows = [msgspec.json.encode({"type": "profile", "attributes": person, **more}) for person in people]
        self.unsure += 1
        try:
            job = self.ask(lambda: imports.upload(self.call, rows, onto))
        except NotAccepted as refusal:
            if not isinstance(refusal.outcome, Retry) or refusal.outcome.untouched:
                self.unsure -= 1
                self._never_made(fresh)
            raise
        self.under_way.append(job.id)
        self.unsure -= 1
        return job

    def _never_made(self, keys: Iterable[Key]) -> None:
        for key in keys:
            del self.made[key]

    def note(self, found: Iterable[FoundProfile]) -> None:
        """Remember profiles by their ids, because a profile may lose its other identifiers to another one.

        Remembered profiles are deleted at the end, so a profile with an address of nobody in this trial is skipped.
        """
        for each in found:
            if each.email and not each.email.lower().startswith(self._ours):
                continue
            shown = each.email or each.phone_number or "without an address"
            self.made["id", each.id] = f"the profile {shown} ({each.id})"
            for name in _BEFORE_ITS_ID:
                self.made.pop((name, getattr(each, name) or ""), None)

    def complete(self, job_id: str, patience_s: float = PATIENCE_S) -> ImportJob:
        """Return the import when it has ended. Raises NotAccepted, and TrialFailed when it does not end."""
        job = self.until(
            lambda: imports.read_job(self.call, job_id), lambda job: job.status in ("complete", "cancelled"), patience_s
        )
        if job.status not in ("complete", "cancelled"):
            raise TrialFailed(f"import {job_id} is still {job.status} after {patience_s:.0f} s")
        self.under_way.remove(job_id)
        return job

    def until(
        self, look: Callable[[], Answer], enough: Callable[[Answer], bool], patience_s: float = PATIENCE_S
    ) -> Answer:
        """Return what `look` returns when it is enough or time is up: Klaviyo shows some things only after a while."""
        pause, waited = 1.0, 0.0
        while True:
            seen = self.ask(look)
            if enough(seen) or waited >= patience_s:
                return seen
            self.sleep(pause)
            waited, pause = waited + pause, min(pause * 1.5, _LONGEST_S)


def _key_fields(person: dict[str, Any]) -> list[Identifier]:
    """Return the field by which a person of an import can be removed, if there is one."""
    return [name for name in _BEFORE_ITS_ID if name in person][:1]
