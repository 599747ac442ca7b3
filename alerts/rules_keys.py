"""What messages made of keys and settings: changed, or tried to change. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from queues.alerts import Alert
from queues.connections.key_changes import KeyChange, describe
from text.wording import plural

#: ms for which a change, or the last attempt, is an alert; then it is over, and the audit still has it.
LASTS_MS: Final = 86_400_000


def of_keys(changes: Iterable[KeyChange], now: int) -> Iterator[Alert]:
    """An alert for each sender and connection. `now`: ms."""
    for each in changes:
        if each.last > now - LASTS_MS:
            yield Alert(f"keys/{each.field}/{each.since}", "keys", each.connection, sentence(each), remedy(each))


def sentence(change: KeyChange) -> str:
    """What a message did, without a full stop."""
    if change.what == "changed":
        return f"{change.connection}: a message of sender {change.sender} changed the Klaviyo key ({describe(change)})"
    times = plural(change.times, "time")
    return (
        f"{change.connection}: sender {change.sender} may not set what its message brings, {times}; {describe(change)}"
    )


def remedy(change: KeyChange) -> str:
    """What to do about it."""
    if change.what == "changed":
        return (
            f"Where nobody meant it, put the old key back: `ferry connections undo-key {change.connection}`, and "
            f"exchange the token of {change.sender}."
        )
    return (
        f"People go on as before. Where {change.sender} is meant to, say accept_keys = true in its [senders] table; "
        "where nobody meant it, exchange its token. A key that was undone is not taken again either way."
    )
