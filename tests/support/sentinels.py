"""A primary, its replica and a Sentinel that watches them, each a process on a port of this machine."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from redis import Redis

from tests.support.valkey import VALKEY, command, wait_until_up
from tests.support.waiting import until
from tests.support.web import free_port

NAME = "mymaster"
_CONFIG = """\
port {port}
sentinel monitor {name} 127.0.0.1 {primary} 1
sentinel down-after-milliseconds {name} 1000
sentinel failover-timeout {name} 5000
"""


class Sentinels:
    """`url`: REDIS_URL of them. `nowhere`: a port of a second Sentinel that never answers, named first."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.primary, self.replica, self.port, self.nowhere = (free_port() for _ in range(4))
        self.url = f"redis+sentinel://127.0.0.1:{self.nowhere},127.0.0.1:{self.port}/{NAME}/0"
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        self._first = self._server(self.primary)
        self._second = self._server(self.replica, "--replicaof", "127.0.0.1", str(self.primary))
        with Redis(port=self.primary) as redis:
            until(lambda: int(redis.info("replication")["connected_slaves"]) == 1)
        config = self._folder / "sentinel.conf"
        config.write_text(_CONFIG.format(port=self.port, name=NAME, primary=self.primary))
        self._start([VALKEY, str(config), "--sentinel"], self.port)
        with Redis(port=self.port) as sentinel:
            # It learns of the replica by asking the primary; before that it could promote nobody.
            until(lambda: len(sentinel.sentinel_slaves(NAME)) == 1)
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.kill()
            process.wait(30)

    def kill_primary(self) -> None:
        """The machine of the primary is lost. What it took reached the replica; wait until that is primary."""
        self.wait_for_replica()
        self._fail_over()

    def wait_for_replica(self) -> None:
        """Return when the replica has all that the primary has now; WAIT looks at its connection's writes only."""
        with Redis(port=self.primary) as one, Redis(port=self.replica) as other:
            reached = one.info("replication")["master_repl_offset"]
            until(lambda: other.info("replication").get("slave_repl_offset", -1) >= reached, "the replica")

    @contextmanager
    def losing(self) -> Iterator[None]:
        """What the primary takes within the block never reaches the replica, which is primary afterwards."""
        self._second.send_signal(signal.SIGSTOP)
        with Redis(port=self.primary) as redis:
            redis.client_kill_filter(_type="replica")
        try:
            yield
        finally:
            self._first.kill()
            self._second.send_signal(signal.SIGCONT)
        self._fail_over()

    def _fail_over(self) -> None:
        self._first.kill()
        self._first.wait(30)
        with Redis(port=self.replica) as redis:
            until(lambda: redis.info("replication")["role"] == "master")

    def _server(self, port: int, *options: str) -> subprocess.Popen[bytes]:
        folder = self._folder / str(port)
        folder.mkdir()
        return self._start(command("--port", str(port), "--dir", str(folder), *options), port)

    def _start(self, words: list[str], port: int) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
        self._processes.append(process)
        wait_until_up(f"redis://127.0.0.1:{port}/0")
        return process
