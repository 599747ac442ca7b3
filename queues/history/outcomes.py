"""The outcomes of single changes, read from their settled batches. Pure."""

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
    """The outcome of one change. Times in ms. `index`: its place in the batch. `by`: see `BatchOutcomes.superseded`.

    `reason`: of a dead letter. `warnings`: what was left out of a delivered person, or not found. `job`, `row`: the
    import that contained its person, and the row in it, counted from 1.
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
    """Yield the outcomes of the changes whose person keys `ours` selects."""
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
    """Return the batch without the people that `ours` selects, for changes accepted by `until` (ms).

    The figures stay the same.
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
    """Return whether the batch may contain these person keys; quick, and rarely a false positive."""
    return any(joined([key]) in settled.columns.keys for key in keys)


def _outcome(ends: BatchOutcomes, index: int) -> Outcome:
    if index in ends.dead:
        return "dead"
    if index in ends.superseded:
        return "superseded"
    return "imported" if index in ends.imported else "delivered"
