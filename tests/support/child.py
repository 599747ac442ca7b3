"""Programs of a `ferry up` that it forks from itself, where they would import again what it has imported already."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.support import forking


class Child:
    """A process forked from this one; as much of subprocess.Popen as a supervisor needs."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], pass_fds: Sequence[int], umask: int) -> None:
        self._command = command
        self.returncode: int | None = None
        # Nobody ends the child while it still has the handlers of this process.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, forking.SIGNALS)
        self.pid = os.fork()
        if self.pid == 0:
            os.setsid()
            os.umask(umask)
            with Path(os.devnull).open() as nothing:
                forking.become(command, dict(env), str(Path.cwd()), (nothing.fileno(), 1, 2), pass_fds)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit code. Raises subprocess.TimeoutExpired when it runs longer than `timeout` seconds."""
        if self.poll() is None:
            file = os.pidfd_open(self.pid)
            try:
                select.select([file], [], [], timeout)
            finally:
                os.close(file)
        code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired([*self._command], timeout or 0)
        return code

    def terminate(self) -> None:
        """Ask it to end, if it has not ended."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGTERM)


def child(command: Sequence[str], **options: Any) -> Child | subprocess.Popen[bytes]:
    """In the place of subprocess.Popen: fork a command of Ferry, and start any other program."""
    if command[0] != sys.executable:
        return subprocess.Popen(command, **options)
    return Child(command, options["env"], options["pass_fds"], options["umask"])
