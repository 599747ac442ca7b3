"""The forecast of a dry run is what then happens: the emulator counts the requests of each kind."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from redis import Redis

from configuration import settings
from ops.sync.dry_run import DryRun, rehearse
from ops.sync.forecast import Effort
from ops.sync.source import source
from queues import pending
from queues.snapshots.orders import SnapshotOrder
from tests.support.mirrored import Mirrored, mirrored
from tests.support.snapshot_audience import NAME, QUEUE

Person = dict[str, Any]
#: The kinds of requests that are forecast, by method and address.
KINDS: Final = {
    "imports": r"POST /api/profile-bulk-import-jobs",
    "pages": r"GET /api/lists/\w+/profiles\?(?!.*filter)",
    "look_ups": r"GET /api/lists/\w+/profiles\?.*filter",
    "profile_look_ups": r"GET /api/profiles\?",
    "list_look_ups": r"GET /api/profiles/\w+/relationships/lists",
    "removals": r"DELETE /api/lists/\w+/relationships/profiles",
    "clears": r"POST /api/profile-import\?",
}


def people(start: int, stop: int, **more: Any) -> list[Person]:
    return [{"email": f"person{number}@example.com", **more} for number in range(start, stop)]


def with_ids(start: int, stop: int, **more: Any) -> list[Person]:
    named = zip(people(start, stop, **more), range(start, stop), strict=True)
    return [{**person, "external_id": f"c-{number}", "phone": f"+1415555{number:04d}"} for person, number in named]


#: Settings; the list before; the first file, if any; the file whose dry run is compared; whether Klaviyo is asked.
SHAPES: Final[dict[str, tuple[str, list[Person], list[Person], list[Person], bool]]] = {
    "the first file, for a list with strangers": ("", people(0, 130), [], people(100, 250), False),
    "a first file for a list that does not exist yet": ("", [], [], people(0, 3), False),
    "people who join, change and leave": (
        "",
        [],
        people(0, 160, plan="a"),
        [*people(70, 100, plan="b"), *people(100, 160, plan="a"), *people(160, 270, plan="c")],
        False,
    ),
    "the same again, and Klaviyo is asked": ("", [], people(0, 201), people(0, 201), True),
    "fields that are emptied": ("", [], people(0, 12, city="Oslo"), people(0, 12, city=""), False),
    "phones only": (
        "",
        [],
        [{"phone": f"+1415555{number:04d}"} for number in range(40)],
        [{"phone": f"+1415555{number:04d}"} for number in range(10, 55)],
        False,
    ),
    "external ids only": (
        "",
        [],
        [{"external_id": f"c-{number}"} for number in range(8)],
        [{"external_id": f"c-{number}"} for number in range(3, 12)],
        False,
    ),
    "second identifiers, of new people and of known ones": (
        "full_profile = true\n",
        [],
        with_ids(0, 130, plan="a"),
        [*with_ids(0, 20, plan="a"), *with_ids(20, 60, plan="b"), *with_ids(130, 260)],
        False,
    ),
    "large uploads with a sample that is checked": (
        'upload_max = 1000\nflush_size = 1000\nprove = "sample"\n',
        [],
        people(0, 300),
        people(150, 600),
        False,
    ),
    "nobody is checked": ('prove = "off"\n', [], people(0, 30), people(10, 50), False),
    "long addresses": ("", [], [], [{"email": f"{'x' * 60}{number}@example.com"} for number in range(150)], False),
}


@contextmanager
def configured(redis: Redis, url: str, patch: pytest.MonkeyPatch, folder: Path, options: str) -> Iterator[Mirrored]:
    file = folder / "connections.toml"
    attributes = "" if "full_profile" in options else 'default_attributes = ["plan", "city"]\n'
    file.write_text(f"[connections.default]\nmax_removal_percent = 100\n{attributes}{options}")
    with mirrored(redis, url, patch, FERRY_CONNECTIONS=str(file)) as lists:
        yield lists


def rehearsed(lists: Mirrored, rows: list[Person], folder: Path, *, reconcile: bool) -> DryRun:
    file = folder / "people.ndjson"
    file.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
    order = SnapshotOrder("00-0", lists.later(), "ndjson", reconcile=reconcile)
    facts = pending.audience(lists.redis, QUEUE) or {"name": NAME}
    return rehearse(lists.redis, settings.load(), QUEUE, source(str(file), "ndjson", "42"), order, facts)


def made(calls: list[dict[str, Any]]) -> dict[str, int]:
    """The requests of each kind that is forecast."""
    lines = [f"{call['method']} {call['path']}?{' '.join(call['query'])}" for call in calls]
    found = Counter(kind for line in lines for kind, pattern in KINDS.items() if re.match(pattern, line))
    return {kind: found[kind] for kind in KINDS}


def counted(effort: Effort) -> dict[str, int]:
    return {kind: getattr(effort, kind) for kind in KINDS}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_requests_of_a_dry_run_are_those_that_are_then_made(
    shape: str, redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    options, listed, before, after, reconcile = SHAPES[shape]
    with configured(redis, redis_url, monkeypatch, tmp_path, options) as lists:
        if listed:
            lists.on_list(*listed)
        if before:
            assert lists.sync(*before, confirmed=True).state != "failed"
        found = rehearsed(lists, after, tmp_path, reconcile=reconcile)
        known = len(lists.calls())
        record = lists.sync(*after, confirmed=True, reconcile=reconcile)
        assert record.counts == found.counts
        assert counted(found.effort) == made(lists.calls()[known:])
        assert found.effort.minutes > 0
