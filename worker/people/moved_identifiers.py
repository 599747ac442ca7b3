"""Corrects what is remembered of profiles when an identifier moves: a remembered one is sent without a look-up.

Klaviyo would otherwise rename or merge two profiles, because one of them has the identifier by now.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from identity.identifiers import Named
from worker.delivery import Delivery


def take_from_others(delivery: Delivery, newly: Mapping[int, Sequence[Named]]) -> None:
    """Remember that nobody else's profile has these identifiers any more, which Klaviyo shows as free.

    `newly`: by person, the identifiers that the person is about to get. Written by `flush`.
    """
    memory = delivery.identities
    getting = {memory.hash(named): delivery.hash_of(person) for person, some in newly.items() for named in some}
    lost: dict[bytes, set[bytes]] = {}
    for identifier, having in (memory.holders(list(getting)) if getting else {}).items():
        for person in {holder.person for holder in having} - {getting[identifier]}:
            lost.setdefault(person, set()).add(identifier)
    memory.take(lost)
