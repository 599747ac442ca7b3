"""Everything that is known of one person in one queue. Pure values; times in ms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ops.explain.person import PersonQuery
from ops.explain.timeline import ChangeTimeline
from queues.counts import OpenBatch, QueueCount
from queues.holds import Hold


@dataclass(frozen=True, slots=True)
class LedgerMembership:
    """What the membership ledger of the audience says.

    `since`: the CDP's time of the change that put the person on the list, 0 for before the first snapshot, PERHAPS
    where it is not known whether one did; None: no member. `snapshot`: which one did; empty: a single change, or one
    that is not known any more. `left`: when a single change took the person off.
    """

    since: int | None = None
    snapshot: str = ""
    left: int | None = None


@dataclass(frozen=True, slots=True)
class KlaviyoStatus:
    """What Klaviyo holds now. `list_id`: None where there is no list yet. `by`: what the profile was found by.

    `by` is empty where nobody is known. `on_list`: None where Klaviyo cannot tell. `email`, `sms`: `mailable.STATES`.
    """

    list_id: str | None
    by: str = ""
    on_list: bool | None = False
    email: str = ""
    sms: str = ""
    suppressed: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class History:
    """`hold`: why nothing of the queue is sent. `kept_since`: of the history, None while there is none.

    `member`: None where no membership ledger is kept. `klaviyo`: a text says why Klaviyo was not asked.
    """

    at: int
    query: PersonQuery
    count: QueueCount
    hold: Hold | None
    timelines: Sequence[ChangeTimeline]
    kept_since: int | None
    member: LedgerMembership | None
    klaviyo: KlaviyoStatus | str

    def batch(self, name: str) -> OpenBatch | None:
        """An open batch; None where it was settled meanwhile."""
        return next((batch for batch in self.count.batches if batch.id == name), None)

    @property
    def unknown(self) -> bool:
        """Whether nothing of Ferry's has ever heard of the person."""
        return not self.timelines and (self.member is None or self.member == LedgerMembership())
