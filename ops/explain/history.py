"""Everything that is known about one person in one queue. Pure values; times in ms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ops.explain.person import PersonQuery
from ops.explain.timeline import ChangeTimeline
from queues.counts import OpenBatch, QueueCount
from queues.holds import Hold


@dataclass(frozen=True, slots=True)
class LedgerMembership:
    """The person's entry in the membership ledger of the audience.

    `since`: the CDP's time of the change that added the person to the list, 0 for before the first snapshot, PERHAPS
    if it is unknown whether one did; None: not a member. `snapshot`: the snapshot that added the person; empty for a
    single change, or a snapshot that is no longer known. `left`: when a single change removed the person.
    """

    since: int | None = None
    snapshot: str = ""
    left: int | None = None


@dataclass(frozen=True, slots=True)
class KlaviyoStatus:
    """The person's status in Klaviyo. `list_id`: None if there is no list yet. `by`: how the profile was found.

    `by` is empty if there is no profile. `on_list`: None if Klaviyo cannot say. `email`, `sms`: `mailable.STATES`.
    """

    list_id: str | None
    by: str = ""
    on_list: bool | None = False
    email: str = ""
    sms: str = ""
    suppressed: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class History:
    """The history of a person. `hold`: why the queue is not sent. `kept_since`: its start, None if there is none yet.

    `member`: None if no membership ledger is kept. `klaviyo`: a text if Klaviyo was not asked, with the reason.
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
        """Return an open batch; None if it was settled in the meantime."""
        return next((batch for batch in self.count.batches if batch.id == name), None)

    @property
    def unknown(self) -> bool:
        """Return whether Ferry has no record of the person."""
        return not self.timelines and (self.member is None or self.member == LedgerMembership())
