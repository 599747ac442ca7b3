"""`<var>/group.env`: what `ferry up` made and decided, for the other commands and for its next start.

Files that other processes read at any moment.

`<var>/group.lock` keeps two groups out of one folder; `<var>/group.pids` tells who is in it.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from dotenv import dotenv_values

from configuration.settings import GROUP_FILE
from ops.errors import Failed


def write_whole(path: Path, text: str) -> None:
    """Replace a file, readable by its owner only; who reads it meanwhile finds the old text or the new one."""
    draft = path.with_name(f"{path.name}.draft")
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)


_HEAD = "# Written by `ferry up`; read by the other commands where REDIS_URL is unset. Holds secrets.\n"


def path(var: Path) -> Path:
    """Where it is."""
    return var / GROUP_FILE


def read(var: Path) -> dict[str, str]:
    """What was written last; empty before the first time."""
    return {name: value for name, value in dotenv_values(path(var)).items() if value}


def write(var: Path, values: Mapping[str, str]) -> None:
    """Replace the file, readable by its owner only; never half-written."""
    write_whole(path(var), _HEAD + "".join(f"{name}={_quoted(value)}\n" for name, value in values.items()))


def _quoted(value: str) -> str:
    # Single quotes: python-dotenv takes everything between them as it is, but for these two.
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


class GroupLock:
    """Held as long as the supervisor or one of its children lives: they inherit `fd`.

    So a group whose supervisor was killed cannot have its files taken from under it by a second one.
    """

    def __init__(self, fd: int, var: Path) -> None:
        self.fd = fd
        self._var = var

    def note(self, children: Mapping[str, int]) -> None:
        """Write down the process ids of the supervisor and of its children by name."""
        # Not into the locked file: it cannot be replaced, and who reads while it is written over finds half a note.
        write_whole(note_path(self._var), json.dumps({"ferry up": os.getpid(), **children}))


def note_path(var: Path) -> Path:
    """Where the process ids are; they stay when the group has ended."""
    return var / "group.pids"


@contextmanager
def locked(var: Path) -> Iterator[GroupLock]:
    """Hold the folder for the block. Raises Failed when a group is in it."""
    fd = os.open(var / "group.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Failed(_occupied(var)) from None
        yield GroupLock(fd, var)
    finally:
        os.close(fd)


def _occupied(var: Path) -> str:
    note = note_path(var)
    pids: dict[str, int] = json.loads(note.read_text()) if note.exists() else {}
    living = {name: pid for name, pid in pids.items() if _lives(pid)}
    supervisor = living.pop("ferry up", None)
    if supervisor is not None:
        return (
            f"`ferry up` is running in {var} (process {supervisor}). Look at it with `ferry status --var {var}`, "
            f"end it with `kill {supervisor}`, or give this one another --var."
        )
    if not living:  # it took the folder just now; the note, if there is one, is of the group before
        return f"`ferry up` is running in {var}. Look at it with `ferry status`, or give this one another --var."
    left = " ".join(str(pid) for pid in living.values())
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
