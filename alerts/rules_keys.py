"""The alerts of keys and settings that messages changed or tried to change. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from queues.alerts import Alert
from queues.connections.key_changes import KeyChange, describe
from text.wording import plural

#: ms for which a change or the last attempt is an alert; afterwards only the audit log shows it.
LASTS_MS: Final = 86_400_000


def of_keys(changes: Iterable[KeyChange], now: int) -> Iterator[Alert]:
    """Yield an alert for each sender and connection. `now`: ms."""
    for each in changes:
        if each.last > now - LASTS_MS:
            yield Alert(f"keys/{each.field}/{each.since}", "keys", each.connection, sentence(each), remedy(each))


def sentence(change: KeyChange) -> str:
    """Return what a message did, without a full stop."""
    if change.what == "changed":
        return (
            f"{change.connection}: a message from sender {change.sender} changed the Klaviyo key ({describe(change)})"
        )
    times = plural(change.times, "time")
    return f"{change.connection}: sender {change.sender} sent settings that it may not set, {times}; {describe(change)}"


def remedy(change: KeyChange) -> str:
    """Return what to do about it."""
    if change.what == "changed":
        return (
            f"If nobody intended this, restore the old key with `ferry connections undo-key {change.connection}` and "
            f"replace the token of {change.sender}."
        )
    return (
        f"Deliveries go on as before. If {change.sender} should set keys, set accept_keys = true in its [senders] "
        "table; if not, replace its token. A key that was undone is not accepted again in either case."
    )
