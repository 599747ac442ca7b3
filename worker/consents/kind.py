"""Kind consent: subscribes and unsubscribes people by e-mail, by SMS or both.

Unsubscribes go first, then subscribes; `supersede` keeps the newest when a person did both. Klaviyo answers only 202
and processes the request later, so the batch stays open for that time. Newer consents of the same people wait until
then, which keeps the order, and nobody who is just leaving a list is unsubscribed from it a second time: Klaviyo would
then unsubscribe the person from everything.
"""

from __future__ import annotations

from functools import partial

from identity.persons import Intent
from mappings.consent import Consent, to_consent
from worker.consents.rows import let_it_arrive
from worker.consents.subscribe import subscribe
from worker.consents.supersede import remaining
from worker.consents.unsubscribe import unsubscribe
from worker.delivery import Delivery
from worker.errors import guarded
from worker.people.batch_people import People
from worker.settling import settle


def intents(people: People) -> list[Intent]:
    """Return one intent for each change; the mapping decides later which are overtaken, as its rules may change. Pure.

    Once an unsubscribe is delivered, no older dead letter of the person may be replayed, for any list: losing a failed
    subscription is better than mailing somebody who has unsubscribed.
    """
    return [
        Intent([index], decisive=index if change.body.action == "unsubscribe" else None)
        for index, change in enumerate(people.changes)
    ]


def stages(delivery: Delivery) -> None:
    """Unsubscribe, subscribe, settle. Raises Later, NotAccepted, LeaseLost."""
    changes, state, consents = delivery.batch.changes, delivery.progress, _mapped(delivery)
    left = remaining(changes, consents)
    taken_back = {index for index, consent in consents.items() if consent.waiting_only}
    state.sent |= taken_back - state.rejected.keys()
    state.overtaken |= consents.keys() - left.keys() - taken_back
    ended = state.ended()
    todo = {index: addresses for index, addresses in left.items() if index not in ended}
    leaving = {index for index in todo if changes[index].body.action == "unsubscribe"}
    let_it_arrive(delivery)  # a worker died or got no answer
    unsubscribe(delivery, consents, {index: todo[index] for index in todo if index in leaving})
    let_it_arrive(delivery)
    subscribe(delivery, consents, {index: todo[index] for index in todo if index not in leaving})
    let_it_arrive(delivery)
    settle(delivery)


def _mapped(delivery: Delivery) -> dict[int, Consent]:
    """Return the consent of each change; a change that cannot be mapped is rejected and overtakes no other."""
    found: dict[int, Consent] = {}
    ended = delivery.progress.ended()
    rules, blocked = delivery.to.rules, delivery.to.identity.blocked
    for index in delivery.intents:
        fragment = bytes(delivery.batch.changes[index].body.person)
        consent = guarded(partial(to_consent, fragment, rules, blocked.holds), f"batch {delivery.batch.id}")
        if isinstance(consent, Consent):
            found[index] = consent
            delivery.warn(index, *consent.warnings)
        elif index not in ended:
            delivery.progress.rejected[index] = consent
    return found
