"""What the audit has: an act as programs read it, and who acts from here."""

from __future__ import annotations

import getpass
import os

from queues.audit import Entry
from wording import moment


def document(entry: Entry) -> dict[str, object]:
    """An entry, for programs."""
    return {
        "id": entry.id,
        "at": moment(entry.at),
        "who": entry.who,
        "what": entry.what,
        "on": entry.on,
        "outcome": entry.outcome,
        "counts": entry.counts,
    }


def by() -> str:
    """Who calls a command, as the audit names them: `cli:<os user>`."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):  # in a container the user need not have a name
        return f"cli:{os.getuid()}"
