"""The people whom a run changed: keyed hashes that are joined with the membership ledger when somebody asks.

Only keyed hashes are stored, for 7 days; after an erasure they lead to nobody in the ledger.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from redis import Redis

from queues.names import Queue
from queues.people.identities import Identities, named_by
from queues.snapshots import members, outcomes

#: Buckets of the ledger read at a time.
_AT_ONCE: Final = 256
#: The kinds of `ferry queries rows` -> the actions of a snapshot.
ACTIONS: Final = {"added": "add", "changed": "update", "removed": "remove"}


@dataclass(frozen=True, slots=True)
class ChangedPerson:
    """A person. `identity`: as in the membership ledger, empty if the person is not on the list now."""

    identity: str
    attributes: list[str]


def changed_people(redis: Redis, audience: Queue, snapshot_id: str, kind: str) -> list[ChangedPerson]:
    """Return the first people of that kind, at most 10,000. `kind`: one of ACTIONS."""
    found = outcomes.people(redis, snapshot_id).get(ACTIONS[kind], [])
    wanted = {person for person, _ in found}
    known = dict(_joined(redis, audience, wanted)) if wanted else {}
    return [ChangedPerson(known.get(person, ""), attributes) for person, attributes in found]


def _joined(redis: Redis, audience: Queue, wanted: set[bytes]) -> Iterator[tuple[bytes, str]]:
    identities = Identities(redis, audience.connection)
    for start in range(0, members.BUCKETS, _AT_ONCE):
        for bucket in members.read(redis, audience, range(start, start + _AT_ONCE)).values():
            for identity in bucket.members:
                if (person := identities.hash(named_by(identity))) in wanted:
                    yield person, identity
