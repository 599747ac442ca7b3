"""Changes and settled batches made by hand, for tests of what is kept of them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from queues.change import Action, Body, Change, person_key
from queues.history.settled import BatchOutcomes, Settled, columns

NOW = 1_800_000_000_000


def changed(person: str, *more: str, action: Action = "add", at: int = NOW, message: str = "m-1") -> Change:
    """A change of a person by e-mail, and under more keys; said a second before it was accepted at `at`."""
    keys = (person_key("email", person), *(person_key("mpid", other) for other in more))
    return Change(keys, at, Body(action, at - 1_000, "changes", message, msgspec.Raw(b"{}")))


def settled(
    changes: Sequence[Change], ends: BatchOutcomes | None = None, batch: str = "07-ab", at: int = NOW
) -> Settled:
    """A batch of these changes, taken at `at` and settled ten seconds later."""
    return Settled(batch, "size", at, at + 10_000, 0, ends or BatchOutcomes(), columns(changes, at))
