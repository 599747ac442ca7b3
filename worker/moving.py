"""Moving: who joined under a new e-mail, and leaves the list under the earlier ones (rule 1 of `identity`)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from identity.identifiers import EMAIL
from queues.identities import audience_token, own_token
from worker.delivery import Delivery


class Moved(NamedTuple):
    """An earlier e-mail of somebody who joined under a new one: the hashes of the person and of the ids, and the
    profile. `joined`: the index of the person who did. `stays`: the earlier one is on another list yet.
    """

    person: bytes
    by: frozenset[bytes]
    profile_id: str
    joined: int
    stays: bool


def moved_away(delivery: Delivery) -> list[Moved]:
    """Those of earlier batches on this list, but for an e-mail that another of the CDP's ids stands for, too."""
    memory, people, queue = delivery.identities, delivery.people, delivery.batch.queue
    joined = [
        (person, people.said(i))
        for person, intent in delivery.intents.items()
        if intent.membership == "add" and person not in delivery.progress.rejected
        for i in intent.indexes
        if people.who(i).email and people.said(i).action == "add" and not people.said(i).late
    ]
    ids: dict[bytes, tuple[frozenset[bytes], int]] = {}
    for person, said in joined:
        hashed = frozenset(memory.hash(named) for named in said.moving)
        ids |= dict.fromkeys(hashed, (hashed, person))
    if not ids:
        return []
    here = {memory.hash((EMAIL, said.who.email)) for _, said in joined}
    earlier = {each.person: ids[by] for by, having in memory.holders(list(ids)).items() for each in having}
    known, on_this = memory.people([person for person in earlier if person not in here]), audience_token(queue)
    return [
        Moved(hashed, earlier[hashed][0], each.profile_id, earlier[hashed][1], each.audiences != {on_this})
        for hashed, each in known.items()
        if each.profile_id and on_this in each.audiences and each.own <= _tokens(earlier[hashed][0])
    ]


def _tokens(hashed: Iterable[bytes]) -> set[bytes]:
    return {own_token(each) for each in hashed}
