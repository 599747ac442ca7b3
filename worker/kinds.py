"""The kinds of queue, by the name that a queue carries. To add one is to write a module and a line here."""

from __future__ import annotations

from typing import Final, Protocol

from worker.audience import kind
from worker.coalesce import Intent
from worker.consents import kind as consents
from worker.delivery import Delivery
from worker.erasures import kind as erasures
from worker.events import kind as events
from worker.people.batch_people import People
from worker.snapshots import kind as snapshots


class Kind(Protocol):
    """A module that knows how the batches of a queue are delivered."""

    def intents(self, people: People) -> list[Intent]:
        """What the changes of a batch come to; every change stands in exactly one intent. Pure.

        The progress of a batch names intents by their last change, so they must be the same whenever they are asked
        for.
        """
        ...

    def stages(self, delivery: Delivery) -> None:
        """Take the batch from where its progress says to `settle`, or to the next wait.

        May be interrupted anywhere and is called again then. Raises Later to wait, NotAccepted when Klaviyo refuses
        more than rows, Held where a person has to correct a setting first, LeaseLost.
        """
        ...


KINDS: Final[dict[str, Kind]] = {
    "audience": kind,
    "profile": kind,
    "event": events,
    "consent": consents,
    "erasure": erasures,
    "snapshot": snapshots,
}
