"""Submit a snapshot to the ledger: its body in pieces, then the order to carry it out."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing

import msgspec
from redis import Redis
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

from ops.errors import Failed
from ops.output import console
from ops.sync.source import TABLES, Source
from queues.clock import now_ms
from queues.errors import QueueFull
from queues.names import Queue
from queues.snapshots import guard, orders
from queues.snapshots.orders import Record, SnapshotOrder


def submit(redis: Redis, queue: Queue, source: Source, order: SnapshotOrder, audience: bytes) -> None:
    """Stage the body with a progress bar, and submit it; it replaces a snapshot that the guard holds.

    `queue`: the queue of snapshots. `audience`: JSON to remember about the audience. Raises Failed when the source
    breaks off or the queue is full; nothing is submitted then.
    """
    size = 0
    with closing(shown(source)) as pieces:
        for number, piece in enumerate(pieces):
            orders.stage(redis, order.snapshot, number, orders.compress(piece))
            size += len(piece)
    found = {column: dict(reasons) for column, reasons in source.left_out.items()}
    order_staged(redis, queue, msgspec.structs.replace(order, left_out=found), size, audience)


def order_staged(redis: Redis, queue: Queue, order: SnapshotOrder, size: int, audience: bytes) -> None:
    """Submit a snapshot whose body is staged. `size`: of the body, in bytes. See `submit`."""
    try:
        guard.submit(redis, queue, Record(str(queue), order, now_ms(), size), audience)
    except QueueFull as fault:
        raise Failed(
            f"{queue} is full; nothing was submitted. Wait until workers have carried out pending ones: ferry status"
        ) from fault


def shown(source: Source) -> Generator[bytes, None, None]:
    """Yield the pieces of a source, with a progress bar on stderr."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console(stderr=True)) as progress:
        # The pieces of a table are its rows as JSON, whose size says nothing about the progress.
        task = progress.add_task("read", total=None if source.kind in TABLES else source.size)
        for piece in source.pieces:
            yield piece
            progress.advance(task, len(piece))
