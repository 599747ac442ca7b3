"""The history of one person, for people. Pure.

Without `personal` it contains no personal data: no address, no attributes, and no answer of Klaviyo, which may quote
them.
"""

from __future__ import annotations

import msgspec
from rich.console import Group, RenderableType
from rich.text import Text

from ops.explain import now, words
from ops.explain.history import History
from ops.unbroken import UnbrokenText
from queues.counts import called
from text.wording import moment


def view(history: History, personal: bool) -> RenderableType:
    """Return the events, the changes in progress, and the person's current state. Fits into 80 columns."""
    parts: list[RenderableType] = [UnbrokenText(_head(history, personal), "bold"), Text()]
    parts += [UnbrokenText(f"{moment(at)}  #{change}  {text}", hang=4) for at, change, text in words.events(history)]
    parts += [Text()] if history.timelines else []
    parts += [UnbrokenText(line, hang=2) for line in now.lines(history)]
    if history.klaviyo:
        parts += [
            UnbrokenText(f"Membership ledger: {now.ledger(history.member)}."),
            UnbrokenText(f"Klaviyo: {now.klaviyo(history.klaviyo)}."),
        ]
    if personal:
        parts += [Text(f"#{number}: {shown}") for number, shown in persons(history)]
    return Group(*parts)


def _head(history: History, personal: bool) -> str:
    who = f"{history.query.given} ({history.query.short})" if personal else f"Person {history.query.short}"
    return f"{who} in {called(history.count)} ({history.count.queue})"


def persons(history: History) -> list[tuple[int, str]]:
    """Return the person as the CDP sent them, and the details of a fault, if they are kept."""
    shown = []
    for timeline in history.timelines:
        if change := timeline.change:
            shown.append((timeline.number, bytes(change.body.person).decode(errors="replace")))
        if timeline.letter:
            shown.append((timeline.number, msgspec.json.encode(timeline.letter.detail).decode()))
    return shown
