"""Kind erasure: removes a person who asked to be forgotten from the ledger, then from Klaviyo.

Profiles are looked up and deleted by Klaviyo's own id, because by e-mail or phone Klaviyo deletes everybody who has it.
When the owner of a profile is uncertain, a dead letter waits for a person's decision (rule 8 of `identity`). An erasure
waits while Klaviyo may still carry out something of an open batch with the person; other erasures do not wait for it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from redis import Redis

from configuration.settings import Settings
from identity import erasing
from identity.erasing import Sighting, Verdict
from identity.identifiers import EMAIL, EXTERNAL_ID, PHONE, Identifiers
from identity.persons import Intent
from klaviyo.lookups import ProfileField
from mappings import phone
from mappings.contact import NOBODY_LEFT
from mappings.errors import Unfit
from mappings.identifiers import canonical_email, external_id
from queues import undecided_erasures
from queues.batches import Batch
from queues.connections.accounts import Cipher
from queues.names import Queue
from queues.people.identities import Identities
from queues.undecided_erasures import REASON
from worker.connection import rules_of
from worker.delivery import Delivery
from worker.erasures.forget import alone, forget
from worker.erasures.stored_changes import SubjectFinder
from worker.errors import Held, Later
from worker.people.batch_people import BLOCKED, People
from worker.progress import ErasureSubject, Progress, Rejection, Targets
from worker.sending import send
from worker.settling import settle

log = logging.getLogger(__name__)

KIND: Final = undecided_erasures.KIND
#: Seconds until the next check whether the person's open batches are settled.
OPEN_S: Final = 10.0
_BY_HAND: Final = "Ferry has forgotten the person; delete the profile in Klaviyo by hand"
_UNKNOWN: Final = (
    "no e-mail of the person is known, and no profile has one of the other identifiers; Ferry has forgotten the "
    "person; find the profile in Klaviyo and delete it by hand"
)
_OTHERS: Final = "a profile that was found may be another person's: its e-mail differs, or several profiles were found"
_SEVERAL: Final = (
    "the identifiers of the request belong to several people, to a person whose e-mail another user has too, or to "
    "somebody who may have got them after the request"
)


def intents(people: People) -> list[Intent]:
    """Return one intent for each erasure. Pure."""
    return [Intent([index]) for index in range(len(people.changes))]


def stages(delivery: Delivery) -> None:
    """Forget everybody of the batch. Raises Later while a person is in an open batch, NotAccepted, LeaseLost."""
    state, finder = delivery.progress, SubjectFinder(delivery)
    todo = [index for index in delivery.intents if index not in state.sent]
    busy = forget(finder, todo, delivery.klaviyo)

    def ask(portion: list[int]) -> None:
        for index in portion:
            busy.update(alone(delivery, index, _Erasure(delivery, finder, index).carry_out) or {})
            delivery.note()

    ready = [[index] for index in todo if index not in busy and index not in state.rejected]
    send(delivery, ready, ask, delivery.klaviyo.account)
    if busy:
        state.stage = "confirm"  # nothing more to do now: the next erasures do not have to wait for it
        where = sorted({str(queue) for found in busy.values() for queue in found})
        raise Later(f"{len(busy)} people to forget are in open batches of {', '.join(where)}", OPEN_S)
    settle(delivery)


@dataclass
class _Here:
    """A batch of erasures on a held connection: everything except Klaviyo."""

    redis: Redis
    batch: Batch
    progress: Progress
    people: People

    @cached_property
    def identities(self) -> Identities:
        return Identities(self.redis, self.batch.queue.connection)


def forget_here(redis: Redis, batch: Batch, known: Progress, settings: Settings) -> None:
    """Remove everybody of a batch from the ledger while Klaviyo cannot be used. Raises LeaseLost.

    Does nothing when the rules of the connection are unknown, because they decide which changes are the person's.
    """
    if known.forgotten:
        return
    connections, cipher = settings.connections, Cipher(settings.secret_keys)
    try:
        rules = rules_of(redis, connections, cipher, batch.queue)
    except Held as held:
        log.warning("batch %s: its erasures wait until %s is resolved", batch.id, held.reason)
        return
    policy = connections.named(batch.queue.connection).identity
    here = _Here(redis, batch, known, People(batch.changes, rules, policy, f"batch {batch.id}"))
    todo = [index for index in range(len(batch.changes)) if index not in known.sent]
    known.forgotten = not forget(SubjectFinder(here), todo, None)


class _Erasure:
    """The erasure at Klaviyo of one person whom the ledger has forgotten."""

    def __init__(self, delivery: Delivery, finder: SubjectFinder, index: int) -> None:
        self._delivery, self._finder, self._index = delivery, finder, index
        self._subject: ErasureSubject = delivery.progress.subjects[index]
        request = finder.request(index)
        self._who = request.trace.who
        # Without the CDP's own ids that the rules do not map to an identifier of Klaviyo.
        self._ids = () if self._who.wrong else tuple(request.keys_by)
        self._confirmed = undecided_erasures.confirmed(delivery.batch.changes[index])

    def carry_out(self) -> dict[int, list[Queue]]:
        """Delete the person's profiles. Returns the queues of open batches that, by Klaviyo's data, hold the person."""
        state = self._delivery.progress
        if self._index not in state.targets:
            seen = list(self._seen())
            found = self._verdict(seen)
            busy = self._forget_more(seen, found)
            if busy or self._index in state.rejected:
                return busy
            state.targets[self._index] = Targets(found.delete, found.look)
            # Written down first: after the deletion nothing leads to the profiles.
            self._delivery.note()
        self._delete(state.targets[self._index])
        return {}

    def _verdict(self, seen: Sequence[Sighting]) -> Verdict:
        return erasing.verdict(
            seen,
            self._is_known,
            knows_email=bool(self._subject.emails or self._subject.known) and not (self._moves and self._is_free(seen)),
            several=bool(self._subject.people),
            confirmed=self._confirmed.profiles,
        )

    @property
    def _moves(self) -> bool:
        """Whether the person is named only by an id with one e-mail at a time: the profile may have an older e-mail."""
        source = self._delivery.batch.changes[self._index].body.source
        return not self._who.email and bool(self._delivery.to.identity.moving(self._who, source))

    def _is_free(self, seen: Sequence[Sighting]) -> bool:
        """Return whether nobody else was delivered under the e-mails of these profiles."""
        memory = self._delivery.identities
        emails = {canonical_email(each.profile.email) for each in seen if each.profile.email}
        return not memory.people([memory.hash((EMAIL, each)) for each in emails if not self._is_known(each)])

    def _is_known(self, address: str) -> bool:
        hashed = self._delivery.identities.hash((EMAIL, address))
        return address in self._subject.emails or hashed.hex() in self._subject.known

    def _seen(self) -> Iterator[Sighting]:
        """Yield the profiles that may be the person's. Raises NotAccepted."""
        emails = sorted(self._subject.emails)
        ids = [each for kind, value in self._ids if kind == EXTERNAL_ID and (each := _usable(value))]
        phones = [e164 for kind, value in self._ids if kind == PHONE and (e164 := phone.to_e164(value, None))]
        yield from self._find("email", emails, "email")
        yield from self._find("external_id", ids, "external_id")
        if not emails and not ids:
            # A family may share a phone, so it is used only without a better identifier.
            yield from self._find("phone_number", phones, "phone")
        yield from self._find("id", sorted(self._subject.profiles | self._confirmed.profiles), "remembered")

    def _find(self, field: ProfileField, values: Sequence[str], by: str) -> list[Sighting]:
        return [Sighting(each, by) for each in self._delivery.klaviyo.find_profiles(field, values)] if values else []

    def _forget_more(self, seen: Sequence[Sighting], found: Verdict) -> dict[int, list[Queue]]:
        """Forget the e-mails of the profiles to be deleted, too."""
        theirs = [each.profile for each in seen if each.profile.id in found.delete]
        emails = {canonical_email(each.email) for each in theirs if each.email}
        if emails <= self._subject.emails:
            return {}
        self._subject.emails |= emails
        return forget(self._finder, [self._index], self._delivery.klaviyo)

    def _delete(self, targets: Targets) -> None:
        delivery, state = self._delivery, self._delivery.progress
        deleted = sum(delivery.klaviyo.delete_person("id", profile_id) for profile_id in targets.delete)
        fields = {"stage": "uploaded", "people": 1, "profiles": deleted}
        left = f", {len(targets.look)} need a check" if targets.look else ""
        log.info("batch %s: Klaviyo deletes %d profiles%s", delivery.batch.id, deleted, left, extra={"fields": fields})
        if targets.look or self._subject.people:
            why = _SEVERAL if self._subject.people else _OTHERS
            delivery.reject(self._index, REASON, undecided_erasures.detail(why, targets.look, [*self._subject.people]))
        elif targets.delete or self._subject.emails:
            state.sent.add(self._index)
        else:
            state.rejected[self._index] = _unknown(delivery, self._index, self._who)


def _unknown(delivery: Delivery, index: int, who: Identifiers) -> Rejection:
    """Return why no profile was found: the request may have no identifier that Klaviyo can have."""
    mapped = delivery.people.mapped([index])
    if isinstance(mapped, Rejection):
        detail = f"{mapped.detail.get('detail', '')}; {_BY_HAND}"
        return Rejection(mapped.reason, {**mapped.detail, "detail": detail})
    if not who.named:
        return Rejection(BLOCKED, {"detail": NOBODY_LEFT})
    return Rejection("profile_unknown", {"detail": _UNKNOWN})


def _usable(value: str) -> str:
    """Return the value if it is an external id that Klaviyo accepts, else an empty string."""
    with suppress(Unfit):
        return external_id([value])
    return ""
