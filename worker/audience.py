"""Kinds audience and profile: people are imported, those who left are taken off the list.

upload -> confirm -> clear, and pass consents on -> remove -> note who is on the list now -> settle. A profile queue has
updates only, so that nothing asks for a list.
"""

from __future__ import annotations

from collections.abc import Sequence

from queues import pending
from queues.change import Change
from worker.clearing import clear
from worker.coalesce import Intent, coalesce
from worker.confirming import confirm
from worker.consenting import pass_on
from worker.delivery import Delivery
from worker.membership import keep_members
from worker.removing import remove
from worker.settling import settle
from worker.uploading import upload
from worker.waiting import FIRST_POLL_MS


def intents(changes: Sequence[Change]) -> list[Intent]:
    """One for each person. Pure."""
    return coalesce(changes)


def stages(delivery: Delivery) -> None:
    """From where the progress says to the end, or to the next wait. Raises Later, NotAccepted, LeaseLost."""
    state = delivery.progress
    if state.stage == "upload":
        upload(delivery)
        state.stage = "confirm"
        if state.jobs:
            delivery.give_back(FIRST_POLL_MS)
            return pending.wake(delivery.redis)
    if state.stage == "confirm":
        confirm(delivery)
        state.stage = "clear"
    if state.stage == "clear":
        clear(delivery)
        pass_on(delivery)
        leavers = {person for person, intent in delivery.intents.items() if intent.membership == "remove"}
        state.sent |= delivery.intents.keys() - leavers - state.ended()
        state.stage = "remove"
    remove(delivery)
    keep_members(delivery)
    return settle(delivery)
