"""A running program of the group."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping

from ops.program import HEALTHY_S, Program, wait_s


class Child:
    """Starts a program, again whenever it ended, and ends it. Always in a session of its own.

    Ctrl-C in the terminal then reaches the supervisor alone, which ends the children in the right order.
    """

    def __init__(self, program: Program, environment: Mapping[str, str], keep_fd: int) -> None:
        self.program = program
        self._environment = environment
        self._keep_fd = keep_fd
        self._failures = 0
        self._started = 0.0
        self.start_at = 0.0
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it. Raises OSError when the program cannot be executed."""
        self._started = time.monotonic()
        self.process = subprocess.Popen(  # noqa: S603  # the group's own programs, no shell
            self.program.command,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=(self._keep_fd,),
            umask=0o077,
        )

    def ended(self) -> int | None:
        """The exit code, negative for a signal; None while it runs or is not started."""
        return None if self.process is None else self.process.poll()

    def postpone(self) -> float:
        """It ended: let it be started again in so many seconds, longer each time it ends soon after its start."""
        now = time.monotonic()
        self._failures = 1 if now - self._started >= HEALTHY_S else self._failures + 1
        wait = wait_s(self._failures)
        self.process, self.start_at = None, now + wait
        return wait

    def is_ready(self) -> bool:
        """Whether it can be used."""
        return self.program.ready is None or self.program.ready()

    def ask_to_end(self) -> None:
        """SIGTERM, to the process alone: a worker tells its delivery itself."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def wait_ended(self, until: float) -> bool:
        """Whether it ended by itself before `until` (monotonic seconds); it is killed with its group otherwise."""
        if self.process is None:
            return True
        try:
            self.process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            return False
        return True
