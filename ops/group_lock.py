"""`<var>/group.lock`: keeps two groups out of one folder, and tells who is in it."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ops.errors import Failed


class GroupLock:
    """Held as long as the supervisor or one of its children lives: they inherit `fd`.

    So a group whose supervisor was killed cannot have its files taken from under it by a second one.
    """

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def note(self, children: Mapping[str, int]) -> None:
        """Write down the process ids of the supervisor and of its children by name."""
        text = json.dumps({"ferry up": os.getpid(), **children}).encode()
        # Padded, not truncated: somebody who reads meanwhile, or after a kill between two calls, finds a whole note.
        os.pwrite(self.fd, text.ljust(os.fstat(self.fd).st_size), 0)


@contextmanager
def locked(var: Path) -> Iterator[GroupLock]:
    """Hold the folder for the block. Raises Failed when a group is in it."""
    fd = os.open(var / "group.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Failed(_occupied(var, os.pread(fd, 10_000, 0))) from None
        yield GroupLock(fd)
    finally:
        os.close(fd)


def _occupied(var: Path, note: bytes) -> str:
    if not note:  # it took the folder just now
        return f"`ferry up` is running in {var}. Look at it with `ferry status`, or give this one another --var."
    pids: dict[str, int] = json.loads(note)
    supervisor = pids.pop("ferry up")
    if _lives(supervisor):
        return (
            f"`ferry up` is running in {var} (process {supervisor}). Look at it with `ferry status --var {var}`, "
            f"end it with `kill {supervisor}`, or give this one another --var."
        )
    left = " ".join(str(pid) for pid in pids.values() if _lives(pid))
    return (
        f"`ferry up` in {var} was killed and left processes behind. End them with `kill {left}`, then start again; "
        "what they hold is in the ledger."
    )


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
