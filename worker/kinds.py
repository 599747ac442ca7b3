"""The kinds of queue, by the kind in the queue's name. A new kind needs a module and a line here."""

from __future__ import annotations

from typing import Final, Protocol

from identity.persons import Intent
from worker.audience import kind
from worker.consents import kind as consents
from worker.delivery import Delivery
from worker.erasures import kind as erasures
from worker.events import kind as events
from worker.people.batch_people import People
from worker.snapshots import kind as snapshots


class Kind(Protocol):
    """A module that delivers the batches of one kind of queue."""

    def intents(self, people: People) -> list[Intent]:
        """Return the intents of a batch; every change is in exactly one of them. Pure.

        The progress of a batch refers to intents by their last change, so every call must return the same intents.
        """
        ...

    def stages(self, delivery: Delivery) -> None:
        """Continue the batch from its progress to `settle`, or to the next wait.

        May be interrupted anywhere, and is then called again. Raises Later to wait, NotAccepted when Klaviyo refuses
        more than rows, Held when a person has to correct a setting first, LeaseLost.
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
