"""When a snapshot is not to be carried out before a person has looked at it. Pure."""

from __future__ import annotations

from typing import Final

from queues.snapshots import Counts

#: Members up to which any share of them may go: of a small list a few people are many percent.
SMALL: Final = 100


def verdict(counts: Counts, max_removal_percent: int) -> str | None:
    """Why a person is to look, with the numbers; None when the snapshot may be carried out."""
    if counts.people == 0 and counts.held:
        return f"the snapshot names nobody who can be sent, and the list has {counts.held:,} people"
    if counts.held > SMALL and counts.removals * 100 > max_removal_percent * counts.held:
        percent = counts.removals * 100 / counts.held
        return (
            f"the snapshot takes {counts.removals:,} of {counts.held:,} people off the list: {percent:.1f} %, "
            f"and max_removal_percent is {max_removal_percent}"
        )
    return None
