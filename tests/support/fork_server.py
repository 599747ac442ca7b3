"""A process that has imported Ferry once and forks a child for each task, so that a crash point costs milliseconds.

The child is what a worker's forked delivery is: its own session, connections of its own, the parent's modules.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Self

from redis import Redis

from configuration import settings
from intake.app import create_app
from intake.http.server import serve
from queues.clock import now_ms
from queues.server.connection import connect
from scheduler.tick import tick
from tests.support import sessions
from tests.support.paths import ROOT
from worker import main as worker
from worker.deliver import deliver
from worker.process import warm


class ForkServer:
    """The parent's side. One child at a time; tasks: `deliver <batch>`, `tick`, `web <port>`, `worker`."""

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        """`log`: where the children's stderr goes."""
        command = [sys.executable, "-m", "tests.support.fork_server"]
        env = {**os.environ, **environment}
        with log.open("ab") as stderr:
            self._process = subprocess.Popen(
                command, bufsize=0, env=env, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr
            )
        self._pid = 0
        self._born = threading.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._born.is_set():
            self.stop()
        self._process.communicate(timeout=30)

    def start(self, *task: str) -> None:
        """Fork a child for a task; wait() before the next."""
        assert not self._born.is_set(), "the child before was not waited for"
        assert self._process.stdin
        self._process.stdin.write(" ".join(task).encode() + b"\n")
        self._pid = int(self._line())
        self._born.set()

    def run(self, *task: str) -> int:
        """Fork a child for a task and wait for its end."""
        self.start(*task)
        return self.wait()

    def wait(self) -> int:
        """The child's exit code, negative for a signal; nothing of its session is left."""
        status = os.waitstatus_to_exitcode(int(self._line()))
        sessions.kill(self._pid)
        self._born.clear()
        return status

    def ended(self, seconds: float) -> bool:
        """Whether the child has ended within so many seconds."""
        assert self._process.stdout
        return bool(select.select([self._process.stdout], [], [], seconds)[0])

    def stop(self) -> int:
        """End the child, if it has not ended by itself or was killed; its exit code."""
        if not self.ended(0):
            self.kill()
        return self.wait()

    def kill(self) -> None:
        """SIGKILL the child and all it forked; a child that is being born is waited for."""
        assert self._born.wait(30), "there is no child"
        with suppress(ProcessLookupError):  # it has ended already
            os.kill(self._pid, signal.SIGKILL)  # at once, for looking for what it forked takes milliseconds
        sessions.kill(self._pid)

    def _line(self) -> bytes:
        assert self._process.stdout
        line = self._process.stdout.readline()
        assert line, "the fork server died; its log says why"
        return line


def _run(task: list[str], redis: Redis, known: settings.Settings) -> None:
    match task:
        case ["deliver", batch_id]:
            deliver(batch_id)
        case ["tick"]:
            tick(redis, known.connections, now_ms())
        case ["web", port]:
            serve(create_app(known), "127.0.0.1", int(port))
        case ["worker"]:
            worker.run(known)
        case _:
            raise ValueError(f"no such task: {task}")


def _child(task: list[str], known: settings.Settings) -> None:
    code = 1
    try:
        os.setsid()
        os.write(1, f"{os.getpid()}\n".encode())
        os.dup2(2, 1)
        with connect(known.redis_url) as redis:
            _run(task, redis, known)
        code = 0
    except Exception:
        logging.exception("task %s failed", task[0])
    finally:
        os._exit(code)


def main() -> None:
    """The server's side: a task per line of stdin; answers with the child's pid, then with its wait status."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(process)d %(name)s: %(message)s")
    known = settings.load()
    with connect(known.redis_url) as redis:
        warm(redis)  # as a worker does before it forks
    for line in sys.stdin.buffer:
        pid = os.fork()
        if pid == 0:
            _child(line.decode().split(), known)
        os.write(1, f"{os.waitpid(pid, 0)[1]}\n".encode())


if __name__ == "__main__":
    main()
