"""Errors that stop a delivery, when it is tried again, and the guard that limits an error to one person."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from typing import TypeVar

from mappings.errors import Rejected
from queues import doorbell
from queues.holds import ACCOUNT_CHANGED, MovedAccount, Owned
from queues.owners import LIST_OWNED
from worker.progress import Rejection

log = logging.getLogger(__name__)
Guarded = TypeVar("Guarded")
# Not imported from RQ: a command that imports RQ before the doorbell would look for workers under RQ's own prefix.
INTERRUPTIONS = doorbell.INTERRUPTIONS
#: Import jobs of a few thousand rows complete within seconds; big ones take minutes (Klaviyo guarantees nothing).
FIRST_POLL_MS = 2_000
POLL_GROWTH = 1.5
LAST_POLL_MS = 60_000
#: Retries: full jitter over an exponentially growing span, so that workers that failed together do not return together.
FIRST_RETRY_MS = 2_000
LAST_RETRY_MS = 600_000
#: A held batch checks this often whether it may continue.
HELD_MS = 30_000


class DeliveryFailed(Exception):
    """A delivery failed; the message names the place and contains no data of the batch.

    `kind`: run, for the run of a query.
    """

    def __init__(self, batch_id: str, fault: Exception, kind: str = "batch") -> None:
        place = traceback.extract_tb(fault.__traceback__)[-1]
        what = f"{type(fault).__name__} in {place.name} ({place.filename}, line {place.lineno})"
        super().__init__(f"{kind} {batch_id}: {what}; a worker is rung again when its lease has run out")
        self.ids = {kind: batch_id}


class Held(Exception):
    """The queue or connection cannot be delivered until a person acts; the message is the reason, then the remedy."""

    def __init__(self, reason: str, resolve: str) -> None:
        super().__init__(f"{reason}: {resolve}")
        self.reason = reason
        self.resolve = resolve


class ListOwned(Held):
    """Another queue keeps the queue's list: this queue is held, and no other queue of its connection.

    `name`: the name of its audience, which a snapshot may have set.
    """

    def __init__(self, owned: Owned, name: str) -> None:
        super().__init__(LIST_OWNED, f"list {owned.list_id} is kept by {owned.keeper}")
        self.owned = owned
        self.name = name


class AccountChanged(Held):
    """The connection's key belongs to another account than the one it delivered to; a person has to act."""

    def __init__(self, moved: MovedAccount, resolve: str) -> None:
        super().__init__(ACCOUNT_CHANGED, resolve)
        self.moved = moved


class Later(Exception):
    """The batch goes back and is taken up again after `after_s` seconds.

    `attempts`: how many attempts this costs. `rests`: no worker may take the batch up earlier.
    """

    def __init__(self, why: str, after_s: float, attempts: int = 0, rests: bool = False) -> None:
        super().__init__(f"{why}; the batch is taken up again in {after_s:g} s")
        self.after_s = after_s
        self.attempts = attempts
        self.rests = rests


def guarded(
    make: Callable[[], Guarded], where: str, raising: tuple[type[Exception], ...] = (), what: str = "a mapping"
) -> Guarded | Rejection:
    """Return the result of `make`, or the rejection when it fails. Raises only the exceptions of `raising`.

    `where` and `what`: the place of the changes and the failing step, for the log.
    """
    try:
        return make()
    except Rejected as fault:
        return Rejection(fault.reason, {"field": fault.field, "detail": fault.detail})
    except INTERRUPTIONS:
        raise
    except Exception as fault:
        if isinstance(fault, raising):
            raise
        # One person whom the rules cannot handle must not stop the others of the batch.
        # Without the exception's message, which may contain personal data.
        place = traceback.extract_tb(fault.__traceback__)[-1]
        detail = f"{type(fault).__name__} in {place.name}, line {place.lineno}"
        log.error("%s: %s failed (%s); the person is rejected", where, what, detail)  # noqa: TRY400
        return Rejection("mapping_failed", {"detail": detail})


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
