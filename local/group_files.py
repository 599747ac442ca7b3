"""The files of a group, which other processes may read at any time.

`<var>/group.env` has the secrets and settings of `ferry up`, for the other commands and for its next start.
`<var>/group.lock` prevents two groups in one folder; `<var>/group.pids` lists the processes of the group.
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
    """Replace a file, readable by its owner only; a concurrent reader finds either the old text or the new one."""
    draft = path.with_name(f"{path.name}.draft")
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)


_HEAD = "# Written by `ferry up`; read by the other commands if REDIS_URL is unset. Contains secrets.\n"


def path(var: Path) -> Path:
    """Return the path of group.env."""
    return var / GROUP_FILE


def read(var: Path) -> dict[str, str]:
    """Return the variables in group.env; empty if it does not exist."""
    return {name: value for name, value in dotenv_values(path(var)).items() if value}


def write(var: Path, values: Mapping[str, str]) -> None:
    """Replace group.env, readable by its owner only and never half-written."""
    write_whole(path(var), _HEAD + "".join(f"{name}={_quoted(value)}\n" for name, value in values.items()))


def _quoted(value: str) -> str:
    # Between single quotes, python-dotenv takes every character literally, except for these two.
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


class GroupLock:
    """The lock on a folder, held as long as the supervisor or one of its children lives: they inherit `fd`.

    So a second group cannot take the files of a group whose supervisor was killed.
    """

    def __init__(self, fd: int, var: Path) -> None:
        self.fd = fd
        self._var = var

    def note(self, children: Mapping[str, int]) -> None:
        """Write the process ids of the supervisor and its children, by name."""
        # Not into the locked file: it cannot be replaced, and a reader could find it half-written.
        write_whole(note_path(self._var), json.dumps({"ferry up": os.getpid(), **children}))


def note_path(var: Path) -> Path:
    """Return the path of the process ids; the file stays after the group has ended."""
    return var / "group.pids"


@contextmanager
def locked(var: Path) -> Iterator[GroupLock]:
    """Lock the folder for the block. Raises Failed if a group is running in it."""
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
            f"`ferry up` is already running in {var} (process {supervisor}). See `ferry status --var {var}`, end it "
            f"with `kill {supervisor}`, or choose another --var."
        )
    if not living:  # it has just locked the folder; the note, if there is one, is of the group before
        return f"`ferry up` is already running in {var}. See `ferry status --var {var}`, or choose another --var."
    left = " ".join(str(pid) for pid in living.values())
    return (
        f"`ferry up` in {var} was killed and left processes behind. End them with `kill {left}`, then start again; "
        "their changes are safe in the ledger."
    )


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
