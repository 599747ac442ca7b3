"""Measure the peak memory of worker processes and their forks. Linux only: it reads /proc."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path
from typing import Self

_EVERY_S = 0.02


class Peak(threading.Thread):
    """Watches, for the length of a block, the workers that have this FERRY_VAR. `mb`: VmHWM of the largest process."""

    def __init__(self, var: Path) -> None:
        super().__init__(daemon=True)
        self._mark = f"FERRY_VAR={var}\0".encode()
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
            for process in Path("/proc").glob("[0-9]*"):
                with suppress(OSError):  # it ended meanwhile, or belongs to another user
                    self._look(process)

    def _look(self, process: Path) -> None:
        if not (process / "cmdline").read_bytes().endswith(b"\0worker\0"):
            return
        if self._mark in (process / "environ").read_bytes():
            lines = (process / "status").read_text().splitlines()
            self.mb = max([self.mb, *(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))])
