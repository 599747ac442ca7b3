"""Ferry as a platform runs it: each process the `ferry` command in a session of its own, killed and started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from tests.support import sessions
from tests.support.forked import Forked
from tests.support.paths import ROOT
from tests.support.waiting import until
from tests.support.web import Sender, free_port


class Group:
    """Processes by name: `web`, `scheduler-1`, `worker-2`; what stands before the dash is the command.

    Their logs are in `folder`. `module`: what runs the command. `fresh`: each imports Ferry by itself, for tests of
    how much memory a process has. At the end of the block whatever runs is killed.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        folder: Path,
        *names: str,
        module: str = "commands",
        fresh: bool = False,
    ) -> None:
        self._environment = {**os.environ, **environment}
        self._folder = folder
        self._module = module
        self._fresh = fresh
        self._processes: dict[str, Forked | subprocess.Popen[bytes]] = {}
        self.names = names
        self.port = free_port()
        self.restarts = 0

    def __enter__(self) -> Self:
        try:
            for name in self.names:
                self.start(name)
            if "web" in self.names:
                Sender(self.port).wait_until_up()
        except BaseException:
            self._kill_all()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._kill_all()

    def _kill_all(self) -> None:
        for name in list(self._processes):
            self.kill(name)

    def start(self, name: str) -> None:
        """Start a process that does not run."""
        assert name not in self._processes
        with (self._folder / f"{name}.log").open("ab") as log:
            self._processes[name] = self._started(self.command(name), self.environment(name), log.fileno())

    def _started(self, command: list[str], environment: dict[str, str], log: int) -> Forked | subprocess.Popen[bytes]:
        if not self._fresh:
            return Forked(command, environment, log, log, ROOT, session=True)
        return subprocess.Popen(
            command,
            env=environment,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

    def command(self, name: str) -> list[str]:
        """How a process is started."""
        kind = name.partition("-")[0]
        command = [sys.executable, "-m", self._module, kind]
        return [*command, "--host", "127.0.0.1", "--port", str(self.port)] if kind == "web" else command

    def environment(self, name: str) -> dict[str, str]:
        """What it is told."""
        return self._environment

    def runs(self, name: str) -> bool:
        """Whether a process was started and has not ended."""
        return name in self._processes and self._processes[name].poll() is None

    def pid(self, name: str) -> int:
        """The process itself, which is the leader of its session."""
        return self._processes[name].pid

    def send(self, name: str, number: signal.Signals) -> None:
        """Signal one process alone, not what it forked."""
        self._processes[name].send_signal(number)

    def send_all(self, name: str, number: signal.Signals) -> None:
        """Signal a process and everything it forked, as platforms do."""
        sessions.send(self._processes[name].pid, number)

    def kill(self, name: str) -> None:
        """SIGKILL a process and everything it forked, and reap it."""
        process = self._processes.pop(name)
        sessions.kill(process.pid)
        process.wait(30)

    def terminate_all(self, seconds: float = 20.0) -> dict[str, int]:
        """SIGTERM to everything; the exit codes. AssertionError when a process or what it forked takes longer."""
        deadline = time.monotonic() + seconds
        codes = {}
        for name in self._processes:
            self.send_all(name, signal.SIGTERM)
        for name, process in self._processes.items():
            try:
                codes[name] = process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                raise AssertionError(f"{name} does not end within {seconds} s of SIGTERM") from None
            left = max(0.1, deadline - time.monotonic())
            until(lambda pid=process.pid: not sessions.members(pid), f"what {name} forked ends after SIGTERM", left)  # type: ignore[misc]
        self._processes.clear()
        return codes

    def revive(self) -> None:
        """Start again whatever ended by itself, as a platform does."""
        for name in list(self._processes):
            if not self.runs(name):
                self.kill(name)
                self.start(name)
                self.restarts += 1

    def log(self, name: str) -> str:
        """What a process said so far."""
        return (self._folder / f"{name}.log").read_text()
