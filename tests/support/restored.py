"""A server with an append-only file that is replaced, as an operator or a failover does it, by one with older data."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.valkey import start_server

_OPTIONS = ("--appendonly", "yes", "--appendfsync", "always")


class Restored:
    """`url`: where the server is, whichever data it has."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._saved = folder.with_name(f"{folder.name}-saved")
        self._process, self.url = start_server(folder, *_OPTIONS)

    def save(self) -> None:
        """Put what the server holds now aside: its files, of which it lost nothing as it syncs each write."""
        shutil.copytree(self._folder / "appendonlydir", self._saved)

    def restore(self) -> None:
        """Kill the server and start it with what was put aside."""
        self.kill()
        shutil.rmtree(self._folder / "appendonlydir")
        shutil.copytree(self._saved, self._folder / "appendonlydir")
        self.start()

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait(30)

    def start(self) -> None:
        """Start it with the data that it has."""
        self._process, _ = start_server(self._folder, *_OPTIONS)


@contextmanager
def restored(folder: Path) -> Iterator[Restored]:
    """One that lives as long as the block. `folder`: made here; short, for the socket in it."""
    folder.mkdir()
    server = Restored(folder)
    try:
        yield server
    finally:
        server.kill()
