"""Waiting times of a batch before a worker is rung for it again. Pure."""

from __future__ import annotations

#: Import jobs of a few thousand rows complete within seconds; big ones take minutes (Klaviyo guarantees nothing).
FIRST_POLL_MS = 2_000
POLL_GROWTH = 1.5
LAST_POLL_MS = 60_000
#: Retries: full jitter over an exponentially growing span, so that workers that failed together do not return together.
FIRST_RETRY_MS = 2_000
LAST_RETRY_MS = 600_000
#: A held batch checks this often whether it may continue.
HELD_MS = 30_000


def poll_ms(polls: int) -> int:
    """Return the ms until the next check of an import job, after `polls` checks that found it unfinished."""
    return int(min(LAST_POLL_MS, FIRST_POLL_MS * POLL_GROWTH ** min(polls, 20)))


def retry_ms(faults: int, after_s: float | None, chance: float) -> int:
    """Return the ms until the next try, after `faults` failed tries in a row; `chance` is uniform in [0, 1).

    When Klaviyo gives a waiting time (`after_s`), the result is that time plus up to one second of jitter.
    """
    if after_s is not None:
        return round(after_s * 1000 + chance * 1000)
    return int(chance * min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** min(faults, 20))) + 100
