"""A disk that never answers: the thread in which a Valkey syncs its append-only file is stopped, and nothing else.

By ptrace, as a debugger does it (Linux): a whole process could be stopped by a signal, a single thread cannot.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
from pathlib import Path
from typing import Final

_SEIZE: Final = 0x4206
_INTERRUPT: Final = 0x4207
#: waitpid() for a thread that is none of this process' children.
_WALL: Final = 0x40000000


def freeze_disk(process: subprocess.Popen[bytes]) -> int:
    """Stop the thread; its number. The server has to be ended by `kill_frozen`."""
    (thread,) = (
        int(task.name)
        for task in Path(f"/proc/{process.pid}/task").iterdir()
        if (task / "comm").read_text().strip() == "bio_aof"
    )
    libc = ctypes.CDLL(None, use_errno=True)
    for request in (_SEIZE, _INTERRUPT):
        if libc.ptrace(request, thread, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "the thread cannot be stopped")
    os.waitpid(thread, _WALL)
    return thread


def kill_frozen(process: subprocess.Popen[bytes], thread: int) -> None:
    """SIGKILL. Who stopped a thread has to see it end before the process can."""
    process.kill()
    os.waitpid(thread, _WALL)
    process.wait(30)
