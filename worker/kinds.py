"""The kinds of queue, by the name that a queue carries. To add one is to write a module and a line here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from queues.change import Change
from worker import audience, consents, erasures, events, snapshots
from worker.coalesce import Intent
from worker.delivery import Delivery


class Kind(Protocol):
    """A module that knows how the batches of a queue are delivered."""

    def intents(self, changes: Sequence[Change]) -> list[Intent]:
        """What the changes of a batch come to; every change stands in exactly one intent. Pure.

        Nothing but the changes may decide it: the progress of a batch names intents by their last change.
        """
        ...

    def stages(self, delivery: Delivery) -> None:
        """Take the batch from where its progress says to `settle`, or to the next wait.

        May be interrupted anywhere and is called again then. Raises Later to wait, NotAccepted when Klaviyo refuses
        more than rows, Held where a person has to correct a setting first, LeaseLost.
        """
        ...


KINDS: Final[dict[str, Kind]] = {
    "audience": audience,
    "profile": audience,
    "event": events,
    "consent": consents,
    "erasure": erasures,
    "snapshot": snapshots,
}
