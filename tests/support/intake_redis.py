"""A Redis-compatible server that a test may kill."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.valkey import start_server


@contextmanager
def server(folder: Path, *options: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """The process and its URL; it is gone when the block ends."""
    process, url = start_server(folder, *options)
    try:
        yield process, url
    finally:
        process.kill()
        process.wait(30)
