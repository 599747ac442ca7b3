"""The people whom a run changed: keyed hashes that are joined with the membership ledger when somebody asks.

Only keyed hashes are stored, for 7 days; after an erasure they lead to nobody in the ledger.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from redis import Redis

from ops.audit_format import masked, plain
from queues.names import Queue
from queues.people.identities import Identities, named_by
from queues.snapshots import members, orders, outcomes
from queues.snapshots.records import Counts, Record
from text.escaping import csv_line
from text.wording import number

#: Buckets of the ledger read at a time.
_AT_ONCE: Final = 256
#: The kinds of `ferry queries rows` -> the actions of a snapshot.
ACTIONS: Final = {"added": "add", "changed": "update", "removed": "remove"}
#: The keyed hash of a person, and the names of the attributes that changed.
KeptPerson = tuple[bytes, list[str]]


@dataclass(frozen=True, slots=True)
class ChangedPerson:
    """A person. `identity`: as in the membership ledger, empty if the person is not on the list now.

    `attributes`: the names of those that changed.
    """

    identity: str
    attributes: list[str]

    def name(self, *, personal: bool) -> str:
        """Return the e-mail, number or id, masked unless `personal`; empty if the person is not on the list now."""
        return (plain if personal else masked)(self.identity) if self.identity else ""


def kept_people(redis: Redis, record: Record, kind: str) -> list[KeptPerson]:
    """Return the people of a kind who are kept, at most 10,000. `record`: of the run's snapshot. `kind`: of ACTIONS.

    Raises redis.RedisError.
    """
    return outcomes.people(redis, record.order.snapshot).get(ACTIONS[kind], [])


def named(redis: Redis, record: Record, kept: Sequence[KeptPerson]) -> list[ChangedPerson]:
    """Return these people with the names that they have on the list now. Raises redis.RedisError.

    Reads the membership ledger of the audience: a million members take about two seconds.
    """
    audience = orders.audience_of(Queue.parse(record.queue))
    known = dict(_joined(redis, audience, {person for person, _ in kept}))
    return [ChangedPerson(known.get(person, ""), attributes) for person, attributes in kept]


def total(record: Record, kind: str) -> int:
    """Return how many people a run changed in one way. `kind`: one of ACTIONS. Pure."""
    counts = record.counts or Counts()
    return {"added": counts.adds, "changed": counts.updates, "removed": counts.removals}[kind]


def missing(kept: int, everybody: int) -> str:
    """Return who is missing from the people that are kept, in a sentence; empty if nobody is. Pure."""
    if everybody and not kept:
        return f"Who they were is not kept any more: Ferry keeps it for {outcomes.PEOPLE_MS // 86_400_000} days."
    return f"These are the first {number(kept)} of {number(everybody)}." if kept < everybody else ""


def people_csv(people: Sequence[ChangedPerson], *, personal: bool) -> bytes:
    """Return people as CSV, in which no cell is a formula. Pure."""
    cells = [(each.name(personal=personal), " ".join(each.attributes)) for each in people]
    return b"".join(csv_line(each, safe=True) for each in [("person", "attributes"), *cells])


def changes_of(redis: Redis, record: Record, identities: Iterable[str]) -> dict[str, list[str]]:
    """Return by kind the attributes that a run changed of one person; empty if none is kept.

    `identities`: the names that the membership ledger may have for the person. Raises redis.RedisError.
    """
    hashes = Identities(redis, Queue.parse(record.queue).connection)
    wanted = {hashes.hash(named_by(identity)) for identity in identities}
    kept = outcomes.people(redis, record.order.snapshot)
    found = ((kind, dict(kept.get(action, ()))) for kind, action in ACTIONS.items())
    return {kind: of_kind[person] for kind, of_kind in found for person in wanted & of_kind.keys()}


def _joined(redis: Redis, audience: Queue, wanted: set[bytes]) -> Iterator[tuple[bytes, str]]:
    """Yield those of the wanted people who are on the list, with their identities."""
    hashes = Identities(redis, audience.connection)
    left = set(wanted)
    for start in range(0, members.BUCKETS, _AT_ONCE):
        if not left:
            return
        for bucket in members.read(redis, audience, range(start, start + _AT_ONCE)).values():
            for identity in bucket.members:
                if (person := hashes.hash(named_by(identity))) in left:
                    left.discard(person)
                    yield person, identity
