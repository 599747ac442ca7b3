"""Kind consent: people who subscribe or unsubscribe, by e-mail, by SMS or both.

First those who unsubscribe, then those who subscribe; of what one person said in both ways `overtaking` leaves the
newest. Klaviyo answers with 202 and nothing else, and takes its time: the batch stays open for it. Whoever changes
their mind meanwhile waits, so that the order holds; who is just leaving a list is not sent for it again, which would
unsubscribe them from everything.
"""

from __future__ import annotations

from functools import partial

from mappings.consent import Consent, to_consent
from worker.coalesce import Intent
from worker.consents.rows import let_it_arrive
from worker.consents.subscribe import subscribe
from worker.consents.supersede import remaining
from worker.consents.unsubscribe import unsubscribe
from worker.delivery import Delivery
from worker.errors import guarded
from worker.people.batch_people import People
from worker.settling import settle


def intents(people: People) -> list[Intent]:
    """One for each change; which of them are overtaken depends on the mapping, whose rules may change. Pure.

    Once an unsubscribe is delivered, no older dead letter of the person may be replayed, whatever list it is about:
    to lose a subscription that failed is better than to mail somebody who has left.
    """
    return [Intent([index], final=change.body.action == "unsubscribe") for index, change in enumerate(people.changes)]


def stages(delivery: Delivery) -> None:
    """Unsubscribe, subscribe, settle. Raises Later, NotAccepted, LeaseLost."""
    changes, state, consents = delivery.batch.changes, delivery.progress, _mapped(delivery)
    left = remaining(changes, consents)
    state.overtaken |= consents.keys() - left.keys()
    ended = state.ended()
    todo = {index: addresses for index, addresses in left.items() if index not in ended}
    leaving = {index for index in todo if changes[index].body.action == "unsubscribe"}
    let_it_arrive(delivery)  # a worker died, or heard no answer
    unsubscribe(delivery, consents, {index: todo[index] for index in todo if index in leaving})
    let_it_arrive(delivery)
    subscribe(delivery, consents, {index: todo[index] for index in todo if index not in leaving})
    let_it_arrive(delivery)
    settle(delivery)


def _mapped(delivery: Delivery) -> dict[int, Consent]:
    """The consent of each change; a change that cannot be mapped is rejected and overtakes nothing."""
    found: dict[int, Consent] = {}
    ended = delivery.progress.ended()
    for index in delivery.intents:
        fragment = bytes(delivery.batch.changes[index].body.person)
        consent = guarded(partial(to_consent, fragment, delivery.to.rules), f"batch {delivery.batch.id}")
        if isinstance(consent, Consent):
            found[index] = consent
            delivery.warn(index, *consent.warnings)
        elif index not in ended:
            delivery.progress.rejected[index] = consent
    return found
