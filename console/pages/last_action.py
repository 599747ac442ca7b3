"""What somebody did last, said on the page they come to next. Pure.

It is read from the audit and not carried through the address, where a stranger's link could say what never happened.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from queues.audit import DONE, AuditEntry
from text.wording import clock, plural

#: ms for which it is said.
SAID_MS: Final = 60_000
#: (act, outcome) -> what is said of it; `{on}` is the queue or connection.
_SAID: Final = {
    ("hold", DONE): "You held {on}: nothing of it is sent until it is released.",
    ("hold", "held already"): "{on} was held already; that reason stays.",
    ("release", DONE): "You released {on}: what waited goes on.",
    ("confirm", DONE): "You confirmed an erasure of {on}: it is carried out.",
    ("release", "not held"): "{on} was not held; nothing was changed.",
}


def done(entries: Iterable[AuditEntry], who: str, now: int, on: Collection[str] | None = None) -> list[str]:
    """Sentences, the newest first. `entries`: newest first; `now`: ms by the server's clock.

    Of each queue or connection the last act alone; `on`: of these only.
    """
    last: dict[str, AuditEntry] = {}
    for entry in entries:
        if entry.who == who and entry.at > now - SAID_MS and (on is None or entry.on in on):
            last.setdefault(entry.on, entry)
    flushed = [entry for entry in last.values() if entry.what == "flush"]
    told = [(entry.at, said.format(on=entry.on)) for entry in last.values() if (said := _said(entry))]
    told += [(flushed[0].at, _flushed(flushed))] if flushed else []
    return [f"{clock(at, now)}: {said}" for at, said in sorted(told, reverse=True)]


def _said(entry: AuditEntry) -> str | None:
    return _SAID.get((entry.what, entry.outcome))


def _flushed(entries: Sequence[AuditEntry]) -> str:
    changes = sum(entry.counts.get("changes", 0) for entry in entries)
    where = entries[0].on if len(entries) == 1 else plural(len(entries), "queue")
    if not changes:
        return f"Nothing waited in {where}; nothing was asked for."
    return f"You asked for {plural(changes, 'change')} of {where}: sent now, or where it is held, when that ends."
