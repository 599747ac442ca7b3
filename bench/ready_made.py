"""The least time of uploads: the same people as ready-made rows, sent as fast as the limits allow."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from redis import Redis

from bench.backlog import IN_A_MESSAGE
from bench.emulated import API_KEY, emulator
from bench.errors import BenchError
from bench.filling import acceptances, messages
from bench.processes import redis_server
from klaviyo.calls import MAX_ROW_BYTES, chunks
from klaviyo.client import Klaviyo
from klaviyo.endpoints import PUBLISHED
from klaviyo.imports import MAX_ROWS
from mappings.profile import Profile
from mappings.rules import Rules
from queues.change import decode
from queues.rate_limits import RedisLimiter, fingerprint
from worker.people.batch_people import encode_row, mapped_by

_RULES = Rules(alternate_identifier="customer")
#: Seconds between two polls of the last import job; nine a second are allowed.
_LOOK = 0.15


@dataclass(frozen=True, slots=True)
class Rows:
    """Import rows, and the seconds of CPU time that making them from stored changes took."""

    uploads: list[Sequence[bytes]]
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Sent:
    """Seconds from the first upload until the last one was accepted, and until its import job was complete."""

    uploaded: float
    complete: float


def make(people: int) -> Rows:
    """Make the rows of so many people who enter an audience, cut into as few uploads as possible."""
    rows, cpu = [], 0.0
    for acceptance in acceptances(messages(people // IN_A_MESSAGE, IN_A_MESSAGE, spread=people)):
        began = time.process_time()
        rows += [_row(change) for change in acceptance.changes]
        cpu += time.process_time() - began
    return Rows(list(chunks(rows, MAX_ROWS, MAX_ROW_BYTES)), cpu)


def send(rows: Rows, folder: Path) -> Sent:
    """Upload the rows with Ferry's client and limiter to a separate emulator."""
    folder.mkdir()
    with redis_server(folder) as url, Redis.from_url(url) as redis, emulator(folder, limits=True) as klaviyo:
        list_id = klaviyo.make_list("Ready-made")
        limiter = RedisLimiter(redis, fingerprint(API_KEY), PUBLISHED)
        with closing(Klaviyo(klaviyo.settings["KLAVIYO_BASE_URL"], API_KEY, limiter)) as client:
            began = time.monotonic()
            for portion in rows.uploads:
                job = client.import_profiles(portion, list_id)
            uploaded = time.monotonic()
            while client.import_job(job.id).status != "complete":
                time.sleep(_LOOK)
            return Sent(uploaded - began, time.monotonic() - began)


def _row(stored: bytes) -> bytes:
    mapped = mapped_by(_RULES, [decode(stored)], "ready-made rows")
    if not isinstance(mapped, Profile):
        raise BenchError(f"a person of the benchmark cannot be mapped: {mapped.reason}")
    return encode_row(mapped)
