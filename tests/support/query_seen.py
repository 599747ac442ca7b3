"""What is seen of a query's list at Klaviyo and in the records of its runs, and what of it is wrong."""

from __future__ import annotations

from typing import NamedTuple

from redis import Redis

from queues.names import Queue
from queues.snapshots import orders
from queues.snapshots.records import Counts, Record
from tests.support import oracle, snapshot_audience
from tests.support.identity_seen import attributes_of, identifiers_of
from tests.support.identity_world import IdentityWorld
from tests.support.query_model import Expected, Reading
from tests.support.query_table import LOST, MOVER, NAMELESS, PEOPLE, VARIED, VARIED_PHONE, email_of, own_id

#: Whatever a profile may be called -> whose it is.
HUMANS = {
    **{email_of(human): human for human in (*PEOPLE, MOVER, VARIED)},
    **{own_id(human): human for human in (*PEOPLE, MOVER, VARIED, NAMELESS)},
    email_of(MOVER, 1): MOVER,
    VARIED_PHONE: VARIED,
}


class Attempt(NamedTuple):
    """A worker's attempt to read the result, between two times (ms), and what there was to read."""

    began: int
    ended: int
    reading: Reading


class Flight(NamedTuple):
    """A run whose result was submitted. `expected`: what it must count, unless something else happens meanwhile."""

    snapshot: str
    at: int
    reading: Reading
    expected: Expected | None


def tags(world: IdentityWorld) -> dict[str, str | None]:
    """The tag of everybody on the list, by the best name."""
    members = world.members()
    found = {_name(identifiers_of(each)): attributes_of(each).get("tag") for each in world.everybody()}
    return {name: found[name] for name in members}


def stolen(world: IdentityWorld) -> list[str]:
    """What no profile may carry, at any time: the tag of somebody else."""
    wrong = []
    for profile in world.everybody():
        name, tag = _name(identifiers_of(profile)), attributes_of(profile).get("tag")
        human = HUMANS.get(name, name.partition("@")[0])
        if tag and tag.partition("#")[0] != human:
            wrong.append(f"{name} has the tag {tag}")
    return wrong + [f"Klaviyo got a row of two people, by {names}" for names in world.clashes]


def writes(world: IdentityWorld) -> int:
    """How many requests so far would change something at Klaviyo."""
    calls = world.klaviyo.call("GET", "/_emulator/requests", params={"bodies": "0"}).json()
    return sum(call["method"] != "GET" for call in calls)


def _name(known: dict[str, str]) -> str:
    return known.get("email") or known.get("phone_number") or known.get("external_id", "")


def left_over(redis: Redis, audience: Queue) -> list[str]:
    """What is wrong in the ledger when everything has come to its end."""
    return [
        *oracle.balance(redis),
        *oracle.quiet(redis),
        *oracle.private(redis),
        *snapshot_audience.left_over(redis, audience),
    ]


def miscounted(redis: Redis, flight: Flight) -> list[str]:
    """Where the record of a run that has ended says something else than the model."""
    record = orders.record(redis, flight.snapshot)
    assert record is not None
    if record.state == "superseded" or record.counts is None:
        return [] if record.state == "superseded" else [f"the run counts nothing, and its state is {record.state}"]
    return [*_result(record.counts, flight.reading), *_changes(record, record.counts, flight)]


def _result(counts: Counts, reading: Reading) -> list[str]:
    found: dict[str, object] = {"rows": counts.rows}
    right: dict[str, object] = {"rows": reading.rows}
    if reading.is_sure:
        found |= {"people": counts.people, "duplicates": counts.duplicates, "shrink": counts.shrink}
        right |= {"people": len(reading.people), "duplicates": reading.duplicates, "shrink": {**reading.shrink}}
    wrong = [] if found == right else [f"the result counts {found}, not {right}"]
    equal = counts.customers + counts.expansion == counts.people + counts.rejected
    equal &= counts.rows == counts.people + counts.duplicates + counts.rejected
    return wrong + ([] if equal else [f"rows and people do not add up: {counts}"])


def _changes(record: Record, counts: Counts, flight: Flight) -> list[str]:
    wrong, told = [], record.outcomes
    ended = told.delivered + told.imported + told.superseded + told.dead
    if (told.changes, told.pending) != (ended, 0):
        wrong.append(f"the outcomes do not add up: {told}")
    found = Expected(counts.adds, counts.updates, counts.removals, counts.unchanged)
    if flight.expected is None:
        return wrong
    dead = int(LOST in flight.reading.people)
    if (found, counts.newer) != (flight.expected, 0):
        wrong.append(f"the run counts {found} and {counts.newer} newer, not {flight.expected}")
    if (told.changes, told.dead, told.superseded) != (sum(found) - found.unchanged, dead, 0):
        wrong.append(f"of the changes became {told}")
    if record.state != ("failed" if dead else "delivered"):
        wrong.append(f"the run is {record.state}")
    return wrong
