"""Processes in sessions of their own, so that they and everything they forked can be signalled and reaped together."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.support.waiting import until


def members(session: int) -> list[int]:
    """The processes of a session that still run; those that ended and were not waited for are left out."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            fields = _stat(entry)
            if fields and int(fields[3]) == session and fields[0] not in "ZX":
                found.append(int(entry.name))
    return found


def _stat(entry: Path) -> list[str]:
    try:
        # After the name, which may hold spaces: state, parent, group, session, ...
        return (entry / "stat").read_text().rpartition(") ")[2].split()
    except OSError:  # it ended meanwhile
        return []


def send(session: int, number: signal.Signals) -> int:
    """Signal every process of a session; how many there were."""
    sent = 0
    for pid in members(session):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
        sent += 1
    return sent


def kill(session: int, seconds: float = 30.0) -> None:
    """SIGKILL everything in a session, again for what was forked meanwhile, and return when all of it has ended."""
    until(lambda: not send(session, signal.SIGKILL), f"session {session} ends", seconds)
