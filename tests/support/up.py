"""A `ferry up` of a test's own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import requests

from local import group_files, ports
from local.group_files import note_path
from tests.support.forked import Forked
from tests.support.ops import COMMAND, environment, ferry_process
from tests.support.waiting import until

CHANGES = [{"action": "add", "email": f"p{i}@example.com"} for i in range(7)]


class Up:
    """A `ferry up` of its own, with what it said."""

    #: What is started.
    ferry_up: Sequence[str] = (*COMMAND, "up")

    def __init__(self, var: Path, *words: str, **env: str) -> None:
        self.var = var
        self.port = ports.any_free()
        command = [*self.ferry_up, "--port", str(self.port), "--emulator-port", str(ports.any_free()), *words]
        theirs, ours = os.pipe()
        self.process = self._start(command, environment(None, var, **env), ours)
        os.close(ours)
        self.said: list[str] = []
        self._reader = threading.Thread(target=self._read, args=(theirs,))
        self._reader.start()

    def _start(self, command: list[str], env: dict[str, str], to: int) -> subprocess.Popen[bytes] | Forked:
        return subprocess.Popen(command, env=env, stdout=to, stderr=to)

    def _read(self, file: int) -> None:
        with open(file) as lines:
            self.said.extend(lines)

    def text(self) -> str:
        return "".join(self.said)

    def pids(self) -> dict[str, int]:
        found: dict[str, int] = json.loads(note_path(self.var).read_text())
        return found

    def wait_until_up(self) -> None:
        until(lambda: "Try in another terminal" in self.text() or self.process.poll() is not None)
        assert self.process.poll() is None, self.text()

    def end(self, number: int = signal.SIGTERM) -> float:
        """Seconds that ending took."""
        began = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(60)
        self._reader.join(60)
        return time.monotonic() - began

    def ferry(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Call `ferry` as from another terminal: it finds the group by its folder alone."""
        return ferry_process(None, self.var, *words)

    def post(self) -> requests.Response:
        token = group_files.read(self.var)["FERRY_TOKENS"].partition(":")[2]
        message = {"audience": {"id": 7, "name": "VIPs"}, "changes": CHANGES}
        headers = {"Authorization": f"Token {token}"}
        return requests.post(f"http://127.0.0.1:{self.port}/v1/changes", json=message, headers=headers, timeout=30)


class HurriedUp(Up):
    """The same with its times cut short and its programs forked, for tests of other things."""

    ferry_up = (sys.executable, "-m", "tests.support.hurried", "up")

    def _start(self, command: list[str], env: dict[str, str], to: int) -> Forked:
        return Forked(command, env, to, to)
