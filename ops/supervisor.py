"""Starts the programs of a group in order, keeps them running, and ends them in the opposite order."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from threading import Event

from ops.child import Child
from ops.errors import Failed
from ops.group_lock import GroupLock
from ops.program import Program

log = logging.getLogger(__name__)

#: Seconds a program may take until it can be used.
PATIENCE_S = 30.0
_LOOK_S = 0.1


class Supervisor:
    """The programs of `stages`: those of one stage start together, after the stages before are ready."""

    def __init__(self, stages: Sequence[Sequence[Program]], environment: Mapping[str, str], lock: GroupLock) -> None:
        self._stages = [[Child(program, environment, lock.fd) for program in stage] for stage in stages]
        self._lock = lock

    @property
    def _children(self) -> list[Child]:
        return [child for stage in self._stages for child in stage]

    def start(self, stop: Event) -> None:
        """Return when everything is ready, or `stop` is set. Raises Failed when a program ends before."""
        for stage in self._stages:
            for child in stage:
                self._spawn(child)
            deadline = time.monotonic() + PATIENCE_S
            while not stop.is_set() and not all(child.is_ready() for child in stage):
                self._check_first_start(deadline)
                stop.wait(_LOOK_S)
        self._check_first_start(time.monotonic() + PATIENCE_S)

    def watch(self, stop: Event) -> None:
        """Start again whatever ends, until `stop` is set."""
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
                where = f"is in {child.program.log}" if child.program.log else "stands above"
                raise Failed(f"{child.program.name} {_end(code)} while it started; what it said {where}")
        if time.monotonic() > deadline:
            raise Failed(f"the group was not ready within {PATIENCE_S:g} s; what its programs said stands above")

    def _look_after(self, child: Child) -> None:
        code = child.ended()
        if code is not None:
            wait = child.postpone()
            log.error("%s %s; it is started again in %g s", child.program.name, _end(code), wait)
        elif child.process is None and time.monotonic() >= child.start_at:
            self._spawn(child)
            log.info("%s is started again", child.program.name)


def _end(code: int) -> str:
    return f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
