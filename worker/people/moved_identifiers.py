"""Corrects what is remembered of profiles when an identifier moves: a remembered one is sent without a look-up.

Klaviyo would otherwise rename or merge two profiles, because one of them has the identifier by now. Other connections
to the same Klaviyo account remember its profiles, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from identity.identifiers import Named
from queues import pending
from queues.connections import accounts
from queues.people.identities import Identities
from worker.delivery import Delivery


def take_from_others(delivery: Delivery, newly: Mapping[int, Sequence[Named]]) -> None:
    """Remember that nobody else's profile has these identifiers any more, which Klaviyo shows as free.

    `newly`: by person, the identifiers that the person is about to get. Elsewhere all remembered identifiers of the
    person are looked up again, because one of them may be replaced.
    """
    hash_ = delivery.identities.hash
    getting = {hash_(named): delivery.hash_of(person) for person, some in newly.items() for named in some}
    if not getting:
        return
    others = _elsewhere(delivery)
    for memory in (delivery.identities, *others):
        lost: dict[bytes, set[bytes]] = {}
        for identifier, having in memory.holders(list(getting)).items():
            for person in {holder.person for holder in having} - {getting[identifier]}:
                lost.setdefault(person, set()).add(identifier)
        if memory in others:
            lost |= {person: set(known.on) for person, known in memory.people(list(set(getting.values()))).items()}
        memory.take(lost)
        memory.flush()


def _elsewhere(delivery: Delivery) -> list[Identities]:
    """Return what the other connections to the same account remember. Their people share the hashes of this one."""
    connection = delivery.batch.queue.connection
    known = accounts.known(delivery.redis, sorted({each.connection for each in pending.all_queues(delivery.redis)}))
    account = known.pop(connection, None)
    return [Identities(delivery.redis, name) for name, each in known.items() if each == account]
