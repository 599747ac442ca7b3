"""Kinds audience and profile: imports people and takes people who left off the list.

recall -> upload -> confirm -> prove -> clear, and pass consents on -> remove -> record the members and their
identifiers -> settle. A profile queue has updates only, so it needs no list.

Clearing empties the standard fields that the CDP deleted, one person at a time, because a bulk import ignores nulls.
"""

from __future__ import annotations

import logging
import zlib

from identity.persons import Intent
from identity.sending import first_of
from klaviyo.errors import NotAccepted
from klaviyo.outcomes import Conflict, Dead, Gone
from queues import pending
from worker.audience.pass_on_consents import pass_on
from worker.audience.remove import remove
from worker.audience.upload import confirm, poll, upload
from worker.delivery import Delivery
from worker.errors import FIRST_POLL_MS
from worker.membership import keep_members
from worker.people.batch_people import People
from worker.people.late_news import moved_away
from worker.people.proving import given, prove
from worker.people.remembering import keep_people, know, recall
from worker.progress import Progress
from worker.settling import settle

log = logging.getLogger(__name__)
#: People cleared between two notes of the progress; clearing the same field twice does no harm.
NOTE_EVERY = 50


def intents(people: People) -> list[Intent]:
    """Return one intent for each person. Pure."""
    return people.intents


def stages(delivery: Delivery) -> None:
    """Continue from the stored progress to the end, or to the next wait. Raises Later, NotAccepted, LeaseLost."""
    known = poll(delivery) if delivery.progress.stage == "confirm" else {}
    _begin(delivery)
    state = delivery.progress
    if state.stage == "upload":
        _pass_over(delivery)
        upload(delivery)
        state.stage = "confirm"
        if state.jobs:
            delivery.give_back(FIRST_POLL_MS)
            return pending.wake(delivery.redis)
    if state.stage == "confirm":
        confirm(delivery, known)
        state.stage = "prove"
    if state.stage == "prove":
        prove(delivery)
        know(delivery)
        state.stage = "clear"
    if state.stage == "clear":
        clear(delivery)
        if delivery.to.consent_mapping:
            pass_on(delivery)
        leavers = {person for person, intent in delivery.intents.items() if intent.membership == "remove"}
        state.sent |= delivery.intents.keys() - leavers - state.ended()
        state.stage = "remove"
    _stay_without_joining(delivery)
    _remove(delivery)
    keep_members(delivery)
    keep_people(delivery)
    return settle(delivery)


def _begin(delivery: Delivery) -> None:
    """Recall the people of the batch, and start it again when it was coalesced differently before.

    That happens after an update of Ferry or a change of settings: the stored numbers of persons mean other people then.
    Every step may be repeated.
    """
    if delivery.progress.facts is None:
        recall(delivery)
    grouping = zlib.crc32(repr([intent.indexes for intent in delivery.intents.values()]).encode()) or 1
    if delivery.progress.grouping not in (0, grouping) or (not delivery.progress.grouping and delivery.progress.jobs):
        kept = delivery.progress
        delivery.progress = Progress(facts=kept.facts, faults=kept.faults, polls=kept.polls)
    delivery.progress.grouping = grouping


def _pass_over(delivery: Delivery) -> None:
    """Mark late changes without attributes as superseded by the newer change that arrived before them."""
    late = delivery.people.facts.late
    for person, intent in delivery.intents.items():
        if intent.membership is None and not intent.written and late.issuperset(intent.indexes):
            delivery.progress.overtaken.add(person)


def _stay_without_joining(delivery: Delivery) -> None:
    """Reject the removal of an old e-mail when the new one could not be added to the list.

    Both are dead letters then, to be replayed together.
    """
    by_change = {i: person for person, intent in delivery.intents.items() for i in intent.indexes}
    rejected = delivery.progress.rejected
    for person, intent in delivery.intents.items():
        causes = [rejected.get(by_change[i]) for i in intent.moved_to]
        if person not in rejected and causes and all(causes) and causes[-1] is not None:
            rejected[person] = causes[-1]


def _remove(delivery: Delivery) -> None:
    """Take people off the list who left, and the earlier e-mails of people who joined under a new one."""
    moved = moved_away(delivery)
    if moved or any(intent.membership == "remove" for intent in delivery.intents.values()):
        remove(delivery, moved)


def clear(delivery: Delivery) -> None:
    """Empty the fields, after the import that may have created the person. Raises NotAccepted, LeaseLost."""
    waiting = delivery.progress.clear
    for done, person in enumerate(sorted(waiting), 1):
        fields = waiting[person]
        if person not in delivery.progress.rejected:
            _clear(delivery, person, fields)
        del waiting[person]
        if done % NOTE_EVERY == 0:
            delivery.note()


def _clear(delivery: Delivery, person: int, fields: tuple[str, ...]) -> None:
    try:
        delivery.klaviyo.clear_fields(_profile_of(delivery, person), fields)
    except NotAccepted as refusal:
        match refusal.outcome:
            case Dead(reason=reason, detail=detail, error_id=error_id):
                delivery.reject(person, reason, {"detail": detail, "error_id": error_id, "fields": list(fields)})
            case Conflict(error_id=error_id):
                delivery.reject(person, "identity_clash", {"error_id": error_id, "fields": list(fields)})
            case Gone():
                return  # a deleted profile has no fields
            case _:
                raise


def _profile_of(delivery: Delivery, person: int) -> dict[str, str]:
    """Return what names the profile that the person was imported to: Klaviyo's id of it, else the first identifier."""
    if profile_id := delivery.progress.profiles.get(person):
        return {"id": profile_id}
    sent = given(delivery, person)
    name = first_of(sent)
    return {name: sent[name]}
