"""What became of single changes, read from the settled batches that they were in. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import msgspec

from queues.change import Action, Ours
from queues.history.settled import BatchOutcomes, ImportRows, Settled, folded, joined, persons, unfolded

Outcome = Literal["delivered", "imported", "superseded", "dead"]


@dataclass(frozen=True, slots=True)
class ChangeOutcome:
    """What became of one change. Times in ms. `index`: its place in the batch. `by`: see `BatchOutcomes.superseded`.

    `reason`: of a dead letter. `warnings`: what was left out of a delivered person, or not found. `job`, `row`: in
    which import its person was, and where, counted from 1.
    """

    batch: Settled
    index: int
    keys: tuple[str, ...]
    accepted_at: int
    at: int
    action: Action
    source: str
    message: str
    outcome: Outcome
    reason: str = ""
    by: int | None = None
    job: ImportRows | None = None
    row: int | None = None
    warnings: tuple[str, ...] = ()


def change_outcomes(settled: Settled, ours: Ours) -> Iterator[ChangeOutcome]:
    """What is kept of the changes whose person keys are `ours`."""
    kept = settled.columns
    rows = {person: (job, row) for job in settled.ends.jobs for row, person in enumerate(job.rows, 1)}
    facts = unfolded(kept.told)
    for index, keys in enumerate(persons(kept)):
        if keys and ours(keys):
            by = settled.ends.superseded.get(index)
            reason = settled.ends.dead.get(index, "")
            job, row = rows.get(index if by is None else by, (None, None))
            accepted_at = settled.taken - kept.accepted[index]
            yield ChangeOutcome(
                settled,
                index,
                keys,
                accepted_at,
                accepted_at - kept.said[index],
                *facts[index],
                _outcome(settled.ends, index),
                reason,
                by,
                job,
                row,
                tuple(settled.ends.warned.get(index, ())),
            )


def without(settled: Settled, ours: Ours, until: int) -> Settled:
    """The batch with nobody in the place of whom `ours` fits, for what was accepted by `until` (ms).

    The figures stay.
    """
    kept = settled.columns
    gone = {each.index for each in change_outcomes(settled, ours) if each.accepted_at <= until}
    left = [() if index in gone else keys for index, keys in enumerate(persons(kept))]
    facts = [(*fact[:2], "") if index in gone else fact for index, fact in enumerate(unfolded(kept.told))]
    after = msgspec.structs.replace(
        kept,
        keys=joined([key for keys in left for key in keys]),
        owned=bytes(map(len, left)),
        told=folded(facts),
    )
    return msgspec.structs.replace(settled, columns=after)


def mentions(settled: Settled, keys: Iterable[str]) -> bool:
    """Whether it is worth while to look closer for these person keys; quick, and seldom wrong."""
    return any(joined([key]) in settled.columns.keys for key in keys)


def _outcome(ends: BatchOutcomes, index: int) -> Outcome:
    if index in ends.dead:
        return "dead"
    if index in ends.superseded:
        return "superseded"
    return "imported" if index in ends.imported else "delivered"
