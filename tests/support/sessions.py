"""Processes in sessions of their own, so that they and everything they forked can be signalled and reaped together."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.support.waiting import until


def members(session: int) -> list[int]:
    """The processes of a session that still run; those that ended and were not waited for are left out."""
    return [pid for pid in map(int, filter(str.isdecimal, os.listdir("/proc"))) if _is_member(pid, session)]


def _is_member(pid: int, session: int) -> bool:
    try:
        # Of most processes this call tells enough, and reading their files would take much longer.
        if os.getsid(pid) != session:
            return False
        # After the name, which may hold spaces, comes the state.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] not in "ZX"
    except OSError:  # it ended meanwhile
        return False


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
