"""How long a batch waits before a worker is rung for it again. Pure."""

from __future__ import annotations

#: Import jobs of a few thousand rows complete within seconds; big ones take minutes (Klaviyo gives no promise).
FIRST_POLL_MS = 2_000
POLL_GROWTH = 1.5
LAST_POLL_MS = 60_000
#: Retries: full jitter over an exponentially growing span, so that workers that failed together do not return together.
FIRST_RETRY_MS = 2_000
LAST_RETRY_MS = 600_000
#: A held batch looks this often whether it may go on.
HELD_MS = 30_000


def poll_ms(polls: int) -> int:
    """Until the next look at an import job, after `polls` looks that found it unfinished."""
    return int(min(LAST_POLL_MS, FIRST_POLL_MS * POLL_GROWTH ** min(polls, 20)))


def retry_ms(faults: int, after_s: float | None, chance: float) -> int:
    """Until the next try, after `faults` failed ones in a row; `chance` is uniform in [0, 1).

    Where Klaviyo says how long (`after_s`), that is the least, with up to a second more of jitter.
    """
    if after_s is not None:
        return round(after_s * 1000 + chance * 1000)
    return int(chance * min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** min(faults, 20))) + 100
