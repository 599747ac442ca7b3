"""Kinds audience and profile: people are imported, those who left are taken off the list.

recall -> upload -> confirm -> prove -> clear, and pass consents on -> remove -> note who is on the list now, and who is
known by what -> settle. A profile queue has updates only, so that nothing asks for a list.
"""

from __future__ import annotations

import zlib

from queues import pending
from worker.clearing import clear
from worker.coalesce import Intent
from worker.confirming import confirm
from worker.consenting import pass_on
from worker.delivery import Delivery
from worker.knowing import know
from worker.membership import keep_members
from worker.people import People
from worker.progress import Progress
from worker.proving import prove
from worker.recalling import recall
from worker.remembering import keep_people
from worker.removing import remove
from worker.settling import settle
from worker.uploading import upload
from worker.waiting import FIRST_POLL_MS


def intents(people: People) -> list[Intent]:
    """One for each person. Pure."""
    return people.intents


def stages(delivery: Delivery) -> None:
    """From where the progress says to the end, or to the next wait. Raises Later, NotAccepted, LeaseLost."""
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
        confirm(delivery)
        state.stage = "prove"
    if state.stage == "prove":
        prove(delivery)
        know(delivery)
        state.stage = "clear"
    if state.stage == "clear":
        clear(delivery)
        pass_on(delivery)
        leavers = {person for person, intent in delivery.intents.items() if intent.membership == "remove"}
        state.sent |= delivery.intents.keys() - leavers - state.ended()
        state.stage = "remove"
    _stay_without_joining(delivery)
    remove(delivery)
    keep_members(delivery)
    keep_people(delivery)
    return settle(delivery)


def _begin(delivery: Delivery) -> None:
    """Know who is who. A batch that another version of Ferry or other settings began to coalesce is begun again: every
    step may be repeated, and the numbers of its persons mean others.
    """
    if delivery.progress.facts is None:
        recall(delivery)
    grouping = zlib.crc32(repr([intent.indexes for intent in delivery.intents.values()]).encode()) or 1
    if delivery.progress.grouping not in (0, grouping) or (not delivery.progress.grouping and delivery.progress.jobs):
        kept = delivery.progress
        delivery.progress = Progress(facts=kept.facts, faults=kept.faults, polls=kept.polls)
    delivery.progress.grouping = grouping


def _pass_over(delivery: Delivery) -> None:
    """Changes that are late and say nothing else are superseded by the newer one that came before them."""
    late = delivery.people.facts.late
    for person, intent in delivery.intents.items():
        if intent.membership is None and not intent.written and late.issuperset(intent.indexes):
            delivery.progress.overtaken.add(person)


def _stay_without_joining(delivery: Delivery) -> None:
    """Nobody leaves for a newer e-mail that could not be put on the list: both are dead letters, to be replayed
    together.
    """
    by_change = {i: person for person, intent in delivery.intents.items() for i in intent.indexes}
    rejected = delivery.progress.rejected
    for person, intent in delivery.intents.items():
        causes = [rejected.get(by_change[i]) for i in intent.moved_to]
        if person not in rejected and causes and all(causes) and causes[-1] is not None:
            rejected[person] = causes[-1]
