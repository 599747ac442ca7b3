"""The rules: facts and limits -> alerts. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from alerting import Limits
from alerts.facts import Facts
from alerts.rules_keys import of_keys
from alerts.rules_processes import of_processes
from alerts.rules_queues import called, held, of_queue, undecided
from queues.alerts import Alert


def judged(facts: Facts, limits: Limits) -> list[Alert]:
    """Everything that is wrong, each with an id of its own."""
    return [
        *of_processes(facts, limits),
        *_of_queues(facts, limits),
        *(_of_holds(facts) if limits.holds else ()),
        *(_of_erasures(facts) if limits.erasures else ()),
        *(of_keys(facts.key_changes, facts.census.at) if limits.keys else ()),
    ]


def _of_erasures(facts: Facts) -> Iterator[Alert]:
    for count in facts.census.queues:
        if found := facts.erasures.get(count.queue):
            yield undecided(count.queue, found, facts.census.at)


def _of_queues(facts: Facts, limits: Limits) -> Iterator[Alert]:
    for count in facts.census.queues:
        yield from of_queue(count, facts.settlements.get(count.queue), limits, facts.census.at)


def _of_holds(facts: Facts) -> Iterator[Alert]:
    for connection, hold in sorted(facts.census.holds.items()):
        yield held(connection, connection, hold)
    for count in facts.census.queues:
        if count.hold:
            yield held(str(count.queue), called(count), count.hold)
