"""Measure the peak memory of worker processes and their forks. Linux only: it reads /proc."""

from __future__ import annotations

import threading
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Self

_EVERY_S = 0.02


class Peak(threading.Thread):
    """Watches workers, by their pids, for the length of a block. `mb`: VmHWM of the largest process."""

    def __init__(self, workers: Collection[int]) -> None:
        super().__init__(daemon=True)
        self._workers = workers
        self._over = threading.Event()
        self.mb = 0.0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()

    def run(self) -> None:
        """Watch until the end of the block: a delivery is a separate process, which ends with it."""
        while not self._over.wait(_EVERY_S):
            for worker in self._workers:
                self._look(worker)
                for fork in Path(f"/proc/{worker}/task/{worker}/children").read_text().split():
                    with suppress(OSError):  # it ended meanwhile
                        self._look(int(fork))

    def _look(self, pid: int) -> None:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        self.mb = max([self.mb, *(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))])
