"""The user's last actions, shown on the page that follows. Pure.

They are read from the audit log and not from the address, where a forged link could claim what never happened.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from queues.audit import DONE, AuditEntry
from text.wording import clock, plural

#: Milliseconds for which an action is shown.
SAID_MS: Final = 60_000
#: (action, outcome) -> its sentence; `{on}` is the queue or connection.
_SAID: Final = {
    ("hold", DONE): "You held {on}. Nothing is sent until it is released.",
    ("hold", "held already"): "{on} was held already; its reason stays.",
    ("release", DONE): "You released {on}. Delivery continues.",
    ("confirm", DONE): "You confirmed an erasure in {on}. Ferry carries it out.",
    ("retry", DONE): "You asked for the next attempt in {on} now.",
    ("query run", "another run has not ended"): "Another run of {on} has not ended; nothing was begun.",
    ("query cancel", DONE): "You cancelled the run of {on}. If its result was already being submitted, it goes on.",
    ("query cancel", "it had ended"): "The run of {on} had already ended; nothing was changed.",
    ("query pause", DONE): "You paused {on}. It runs only when somebody asks.",
    ("query pause", "paused already"): "{on} was already paused; that reason stays.",
    ("query resume", DONE): "You resumed {on}. It runs at its next slot.",
    ("query resume", "not paused"): "{on} was not paused; nothing was changed.",
    ("release", "not held"): "{on} was not held; nothing was changed.",
}


def done(entries: Iterable[AuditEntry], who: str, now: int, on: Collection[str] | None = None) -> list[str]:
    """Return sentences, newest first, about the last action on each queue or connection.

    `entries`: newest first; `now`: ms by the server's clock; `on`: only these queues and connections.
    """
    last: dict[str, AuditEntry] = {}
    for entry in entries:
        if entry.who == who and entry.at > now - SAID_MS and (on is None or entry.on in on):
            last.setdefault(entry.on, entry)
    flushed = [entry for entry in last.values() if entry.what == "flush"]
    sentences = [(entry.at, said.format(on=entry.on)) for entry in last.values() if (said := _said(entry))]
    sentences += [(flushed[0].at, _flushed(flushed))] if flushed else []
    return [f"{clock(at, now)}: {said}" for at, said in sorted(sentences, reverse=True)]


def _said(entry: AuditEntry) -> str | None:
    if entry.what == "key undone":  # its outcome is the two fingerprints
        return "You undid the key of {on} that came with a message. Ferry does not accept it again."
    if entry.what == "query run" and entry.outcome.startswith(f"{entry.on}-"):  # its outcome is the run
        return "You started a run of {on}."
    return _SAID.get((entry.what, entry.outcome))


def _flushed(entries: Sequence[AuditEntry]) -> str:
    changes = sum(entry.counts.get("changes", 0) for entry in entries)
    where = entries[0].on if len(entries) == 1 else plural(len(entries), "queue")
    if not changes:
        return f"Nothing was flushed: no pending changes in {where}."
    return f"You flushed {plural(changes, 'change')} of {where}. Held queues send them after release."
