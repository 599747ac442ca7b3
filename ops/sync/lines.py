"""Single changes from lines that mParticle exports, accepted in order as if posted to /v1/changes."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from itertools import islice
from typing import Any

import msgspec
from redis import Redis

from configuration.settings import Settings
from intake.audiences import Audiences
from intake.changes import reading
from intake.changes.messages import AudienceRef
from intake.incoming import Incoming
from ops.errors import Failed
from ops.output import echo, print_json
from ops.sync.source import Source
from ops.sync.submit import shown
from queues import metrics, pending
from queues.acceptance import accept
from queues.clock import now_ms
from queues.errors import QueueFull
from queues.names import Queue
from snapshots.mparticle_lines import changes
from snapshots.opening import unpacked
from snapshots.rows import Unreadable, Unusable
from text.wording import number

#: Changes accepted by one call.
_AT_ONCE = 1_000


def accept_all(
    redis: Redis, known: Settings, queue: Queue, source: Source, name: str | None, dry_run: bool, as_json: bool
) -> None:
    """Accept every line of the audience, and print the number of each action. `dry_run`: only count them.

    Raises Failed for a line that cannot be read and when the queue is full; the lines before it are accepted then, and
    are recognised when the file is given again within 24 hours.
    """
    tally: Counter[str] = Counter()
    try:
        with closing(shown(source)) as pieces:
            lines = changes(unpacked(pieces, source.gzip))
            for portion in _portions(_of(queue, lines, name, tally)):
                if not dry_run:
                    _accept(redis, known, queue, portion)
                tally.update(change["action"] for change in portion)
    except (Unreadable, QueueFull) as fault:
        kept = "Nothing was" if dry_run else f"{number(tally['add'] + tally['remove'])} changes before it were"
        again = "Give the whole file again within 24 hours: no change is stored twice."
        raise Failed(f"{fault}\n{kept} accepted. {again}") from fault
    _say(tally, queue, dry_run, as_json)


def _of(
    queue: Queue, lines: Iterable[dict[str, Any] | Unusable], name: str | None, tally: Counter[str]
) -> Iterator[dict[str, Any]]:
    """Yield the changes of this audience; count lines of other audiences and lines that identify nobody."""
    for line in lines:
        if isinstance(line, Unusable):
            tally["nobody"] += 1
        elif str(line.get("audience", {}).get("id", queue.target)) != queue.target:
            tally["elsewhere"] += 1
        else:
            known = name or line.get("audience", {}).get("name")
            yield line | {"audience": {"id": queue.target, "name": known}}


def _portions(found: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while portion := list(islice(found, _AT_ONCE)):
        yield portion


def _accept(redis: Redis, known: Settings, queue: Queue, portion: Sequence[dict[str, Any]]) -> None:
    now = now_ms()
    incoming = Incoming(known.connections.named(queue.connection), reading.SOURCE, "", now)
    raw = [msgspec.json.encode(change) for change in portion]
    placed = [(f"change {index}", each) for index, each in enumerate(raw, 1)]
    reading.read(placed, AudienceRef(queue.target), incoming, now)
    recognised_by = hashlib.sha256(b"".join(raw)).hexdigest()
    for acceptance in incoming.acceptances(f"lines:{recognised_by}", Audiences()):
        accepted = accept(redis, acceptance, now, known.max_pending_per_queue)
        if accepted.became_due:
            pending.wake(redis)
        if accepted.fresh:
            metrics.count(redis, metrics.on_arrival([acceptance]))


def _say(tally: Counter[str], queue: Queue, dry_run: bool, as_json: bool) -> None:
    counts = {name: tally[name] for name in ("add", "remove", "nobody", "elsewhere")}
    if as_json:
        print_json({"queue": str(queue), "accepted": not dry_run, **counts})
        return
    did = "would be accepted" if dry_run else "accepted"
    echo(f"{queue}: {number(counts['add'])} adds and {number(counts['remove'])} removals {did}.")
    if counts["nobody"]:
        echo(f"{number(counts['nobody'])} lines left out: neither an e-mail address nor a customer id.")
    if counts["elsewhere"]:
        echo(f"{number(counts['elsewhere'])} lines left out: of other audiences.")
