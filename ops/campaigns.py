"""Read a campaign whose groups may be in files, and submit the snapshots of its lists."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Raw
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.exceptions import RedisError

from configuration.connections import Connection
from intake.audiences import facts
from intake.campaigns import messages, reading
from intake.campaigns.filling import Filling, check
from intake.campaigns.reading import PlannedSnapshot
from intake.http import faults
from mappings.columns import ColumnSettings
from ops.errors import Failed
from ops.output import echo
from ops.sync.source import FORMATS, source
from ops.sync.submit import order_staged
from ops.sync.view import fields_left_out
from queues import audit
from queues.errors import Unavailable
from queues.names import Queue
from queues.server.connection import connect_async
from queues.snapshots import orders
from queues.snapshots.orders import PIECE, audience_of
from queues.snapshots.sources import AudienceNotReady
from snapshots import csv_rows
from snapshots.lines import lines
from snapshots.opening import opened
from snapshots.reading import check_beginning
from snapshots.report import ReadReport
from snapshots.rows import Unreadable
from text.wording import plural

_FILE: Final = "file"
_encode = msgspec.json.Encoder().encode


def read(path: Path, choose: Callable[[str | None], Connection], now: int) -> list[PlannedSnapshot]:
    """Return the snapshots of a campaign. `path`: of its JSON; files of groups are relative to its folder.

    `choose`: returns a connection by its name. `now`: ms. Raises Failed for a file that cannot be read, and what
    `reading.read` raises. The files are read into memory.
    """
    body = path.read_bytes()
    faults.check_text(body)
    try:
        document = msgspec.json.decode(body)
    except faults.UNREADABLE as fault:
        raise faults.bad_request(faults.describe(fault)) from None
    faults.check_names(body)
    files = _without_files(document)
    posted, groups = messages.read(_encode(document))
    settings = choose(posted.connection).columns_of("")
    for index, file in files.items():
        groups[index].members = [Raw(row) for row in _rows(path.parent / file, settings)]
    return reading.planned_of(posted, groups, choose, now)


def _without_files(document: Any) -> dict[int, str]:
    """Replace `file` of groups by no members; return the files by the numbers of the groups."""
    groups = document.get("groups") if isinstance(document, dict) else None
    files: dict[int, str] = {}
    for index, group in enumerate(groups if isinstance(groups, list) else ()):
        if isinstance(group, dict) and isinstance(group.get(_FILE), str):
            if group.keys() & {"members", "audience"}:
                raise faults.bad_request(f"$.groups[{index}]: needs either members, audience or file")
            files[index] = group.pop(_FILE)
            group["members"] = []
    return files


def _rows(path: Path, settings: ColumnSettings) -> Iterator[bytes]:
    """Yield the rows of a CSV, NDJSON, Parquet or Excel file as JSON objects, blank lines left out. Raises Failed."""
    found = source(str(path), None, "")
    form = FORMATS.get(found.kind)
    if form not in ("csv", "ndjson"):
        raise Failed(f"{path}: a group of a campaign is read from CSV, NDJSON, Parquet or .xlsx, not {found.kind}")
    try:
        first = next(found.pieces, b"")
        check_beginning(first, len(first) < PIECE, form, found.gzip, settings)
        plain = opened(chain([first], found.pieces), found.gzip, "", ReadReport())
        if form == "ndjson":
            yield from (line for line in lines(plain) if not line.isspace())
            for sentence in fields_left_out(found.left_out):
                echo(f"{path.name}: {sentence}; the people are sent without it.", err=True)
            return
        header, _, table = csv_rows.columns_and_rows(plain, settings)
        names = [cell.strip() for cell in header]
        yield from (_encode(dict(zip(names, row, strict=True))) for row in table)
    except Unreadable as fault:
        raise Failed(f"{path}: {fault}. Nothing was submitted.") from fault
    except OSError as fault:
        raise Failed(f"{path}: {fault.strerror}. Nothing was submitted.") from fault


def submit(redis: Redis, url: str, planned: Sequence[PlannedSnapshot], who: str) -> list[Filling]:
    """Submit the snapshots of a campaign; return how many people each has, in the same order.

    `url`: of `redis`. `who`: the user, as the audit log shows it. Raises Failed if an audience cannot be used, and
    nothing is submitted then; also if a queue is full, and says how many lists were submitted before.
    """
    try:
        staged = asyncio.run(_stage_all(url, planned))
    except AudienceNotReady as fault:
        raise Failed(f"{fault}. Nothing was submitted.") from fault
    except Unavailable as fault:
        raise Failed("Redis does not answer; nothing was submitted. Try again: ferry doctor finds the cause") from fault
    for before, (each, (_, size)) in enumerate(zip(planned, staged, strict=True)):
        try:
            order_staged(redis, each.queue, each.order, size, facts(each.order.name, {}))
        except Failed as fault:
            if not before:
                raise
            raise _in_part(each.queue, before) from fault
        audit.note(redis, who, "sync", audience_of(each.queue), "submitted")
    return [filling for filling, _ in staged]


def _in_part(full: Queue, before: int) -> Failed:
    """Return the error for a full queue after `before` lists were submitted."""
    return Failed(
        f"{full} is full; {plural(before, 'list was', 'lists were')} submitted before it, the others not. Repeat the "
        "command when workers have carried out pending ones: ferry status"
    )


async def _stage_all(url: str, planned: Sequence[PlannedSnapshot]) -> list[tuple[Filling, int]]:
    """Stage the people of all lists. If one fails, none is kept."""
    redis = connect_async(url)
    try:
        await check(redis, planned)
        return [await _stage(redis, each) for each in planned]
    except Exception:
        with suppress(RedisError, OSError):  # without Redis they expire instead
            for each in planned:
                await orders.unstage_async(redis, each.order.snapshot)
        raise
    finally:
        await redis.aclose()


async def _stage(redis: AsyncRedis, planned: PlannedSnapshot) -> tuple[Filling, int]:
    """Stage the people of a list; return their numbers, and the size in bytes."""
    filling = Filling(redis, planned)
    size = number = 0
    async for piece in filling.pieces():
        await orders.stage_async(redis, planned.order.snapshot, number, orders.compress(piece))
        size, number = size + len(piece), number + 1
    return filling, size
