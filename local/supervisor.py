"""Starts the programs of a group in order, keeps them running, and ends them in reverse order."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from local.group_files import GroupLock
from ops.errors import Failed

log = logging.getLogger(__name__)


class Child:
    """Starts, restarts and ends a program, in a separate session.

    So Ctrl-C in the terminal reaches only the supervisor, which ends the children in the right order.
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
        """Return the exit code, negative for a signal; None while it runs or is not started."""
        return None if self.process is None else self.process.poll()

    def postpone(self) -> float:
        """Schedule a restart and return the wait in seconds, longer each time the program ends soon after its start."""
        now = time.monotonic()
        self._failures = 1 if now - self._started >= HEALTHY_S else self._failures + 1
        wait = wait_s(self._failures)
        self.process, self.start_at = None, now + wait
        return wait

    def is_ready(self) -> bool:
        """Return whether it can be used."""
        return self.program.ready is None or self.program.ready()

    def ask_to_end(self) -> None:
        """Send SIGTERM, only to the process: a worker stops its delivery itself."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def wait_ended(self, until: float) -> bool:
        """Wait until `until` (monotonic seconds); return False if the process group had to be killed then."""
        if self.process is None:
            return True
        try:
            self.process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            return False
        return True


#: Seconds before a program is restarted: the first wait, and the longest.
FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 30.0
#: Seconds after which a running program counts as healthy: its next end counts as the first.
HEALTHY_S = 60.0


@dataclass(frozen=True, slots=True)
class Program:
    """A program that `ferry up` starts and watches.

    `stop_s`: seconds that it has to end after SIGTERM. `ready`: whether it can be used; None: do not wait for it.
    `log`: the file that it writes to; None: the stderr of this process.
    """

    name: str
    command: Sequence[str]
    stop_s: float
    ready: Callable[[], bool] | None = None
    log: Path | None = None


def wait_s(failures: int) -> float:
    """Return the seconds to wait before restarting a program that ended `failures` times in a row."""
    return min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(failures - 1, 10))


#: Seconds until a program must be ready.
PATIENCE_S = 30.0
_LOOK_S = 0.1


class Supervisor:
    """Runs the programs of `stages`: those of one stage start together, once the earlier stages are ready."""

    def __init__(self, stages: Sequence[Sequence[Program]], environment: Mapping[str, str], lock: GroupLock) -> None:
        self._stages = [[Child(program, environment, lock.fd) for program in stage] for stage in stages]
        self._lock = lock

    @property
    def _children(self) -> list[Child]:
        return [child for stage in self._stages for child in stage]

    def start(self, stop: Event) -> None:
        """Start all programs; return when they are ready or `stop` is set. Raises Failed if a program ends before."""
        for stage in self._stages:
            for child in stage:
                self._spawn(child)
            deadline = time.monotonic() + PATIENCE_S
            while not stop.is_set() and not all(child.is_ready() for child in stage):
                self._check_first_start(deadline)
                stop.wait(_LOOK_S)
        self._check_first_start(time.monotonic() + PATIENCE_S)

    def watch(self, stop: Event) -> None:
        """Restart every program that ends, until `stop` is set."""
        while not stop.wait(_LOOK_S):
            for child in self._children:
                self._look_after(child)

    def end(self) -> None:
        """End everything, the last stage first; a program that takes too long is killed."""
        for stage in reversed(self._stages):
            began = time.monotonic()
            for child in stage:
                child.ask_to_end()
            for child in stage:
                if not child.wait_ended(began + child.program.stop_s):
                    log.warning("%s did not end within %g s and was killed", child.program.name, child.program.stop_s)

    def _spawn(self, child: Child) -> None:
        child.start()
        self._lock.note({c.program.name: c.process.pid for c in self._children if c.process is not None})

    def _check_first_start(self, deadline: float) -> None:
        for child in self._children:
            code = child.ended()
            if code is not None:
                where = f"in {child.program.log}" if child.program.log else "above"
                raise Failed(f"{child.program.name} {_end(code)} while it started; see its output {where}")
        if time.monotonic() > deadline:
            raise Failed(f"the group was not ready within {PATIENCE_S:g} s; see the output of its programs above")

    def _look_after(self, child: Child) -> None:
        code = child.ended()
        if code is not None:
            wait = child.postpone()
            log.error("%s %s; restarting it in %g s", child.program.name, _end(code), wait)
        elif child.process is None and time.monotonic() >= child.start_at:
            self._spawn(child)
            log.info("%s was restarted", child.program.name)


def _end(code: int) -> str:
    return f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
