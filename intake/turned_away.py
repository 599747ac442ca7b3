"""What is turned away at the door, in the log at most once a minute, with the peers and counts."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable
from typing import Final

log = logging.getLogger(__name__)

EVERY_S: Final = 60.0
#: Peers that a line names, those with the most first; and that are told apart between two lines, so that no flood of
#: made-up addresses fills the memory.
NAMED: Final = 10
_KNOWN: Final = 1_000
_OTHERS: Final = "other peers"


class TurnedAway:
    """Counts by what and whom, for one process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counts: Counter[tuple[str, str]] = Counter()
        self._next = float("-inf")

    def note(self, what: str, peer: str) -> None:
        """One more; said at once, unless something was within the minute. `what`: such as `a connection`."""
        full = len(self._counts) >= _KNOWN and (what, peer) not in self._counts
        self._counts[what, _OTHERS if full else peer] += 1
        self.tell()

    def tell(self) -> None:
        """Say what was counted and has not been said, if it is time to; to be called now and then."""
        if not self._counts or self._clock() < self._next:
            return
        self._next = self._clock() + EVERY_S
        told = ", ".join(f"{count} times {what} of {peer}" for (what, peer), count in self._counts.most_common(NAMED))
        rest = self._counts.total() - sum(count for _, count in self._counts.most_common(NAMED))
        more = f", and {rest} times others" if rest else ""
        log.warning("turned away to keep room for others: %s%s; a sender repeats what was answered 503", told, more)
        self._counts.clear()
