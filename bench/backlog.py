"""Measure how long a complete installation takes to deliver pending changes to an emulator."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from redis import Redis

from bench import deliveries
from bench.emulated import Emulator, emulator
from bench.errors import BenchError
from bench.filling import accept, acceptances, messages
from bench.messages import CONNECTION, audience_name
from bench.report import Row, Verdict
from queues import holds, keys
from queues.census import count
from queues.clock import now_ms
from queues.connections import accounts
from queues.names import Queue

#: The number of `ferry worker` processes: the cores of the machine of the published figures.
WORKERS = 2
#: People in a message; the changes of an audience are a multiple of it.
IN_A_MESSAGE = 100
#: No settings of a connection, so that Ferry's defaults apply: `verified`, `all`.
DEFAULTS: Final[Mapping[str, str]] = {}
#: Settings without requests about people: all identifiers that the CDP knows are sent, and no list is checked.
UNASKED: Final[Mapping[str, str]] = {"identifiers": "trust_cdp", "prove": "off"}
#: The account settings in the messages: the customer id becomes the external id.
_ACCOUNT = accounts.AccountSettings({"alternateIdentifier": "Customer Id", "phoneIdentifier": "Mobile Number"})
#: Seconds to wait without a delivered change: more than the minute in which a used-up limit recovers.
_PATIENCE = 100.0
_LOOK = 0.05


@dataclass(frozen=True, slots=True)
class Drained:
    """The result of a run.

    `seconds`: until all changes of each audience were delivered. `uploads`: arrival of each accepted upload.
    `throttled`: number of answers 429.
    """

    seconds: dict[int, float]
    uploads: list[float]
    throttled: int


class Installation(NamedTuple):
    """A running installation: its ledger, its Klaviyo, and whether it checks that people are on the list.

    `workers`: pids of the workers.
    """

    redis: Redis
    klaviyo: Emulator
    proves: bool
    workers: tuple[int, ...] = ()


@contextmanager
def installed(
    folder: Path, upload_max: int, identity: Mapping[str, str], *, limits: bool = True
) -> Iterator[Installation]:
    """Run scheduler, workers and emulator. `identity`: settings of the connection that differ from the defaults.

    `limits`: whether Ferry and the emulator apply Klaviyo's limits.
    """
    folder.mkdir()
    with emulator(folder, limits=limits) as klaviyo:
        settings = {**klaviyo.settings, "FERRY_UPLOAD_MAX": str(upload_max), **_connections(folder, identity)}
        with deliveries.without_intake(folder, settings, WORKERS, limits=limits) as (redis, workers):
            yield Installation(redis, klaviyo, identity.get("prove") != "off", workers)


def drain(
    folder: Path, waiting: Mapping[int, int], upload_max: int, identity: Mapping[str, str], *, limits: bool = True
) -> Drained:
    """Start an installation, queue so many changes for each audience, and deliver them. See `installed`.

    The connection is held meanwhile; the time runs from its release. Raises BenchError when a change was lost.
    """
    with installed(folder, upload_max, identity, limits=limits) as here:
        fill(here.redis, waiting)
        seconds = deliver(here, waiting)
        return Drained(seconds, here.klaviyo.imports(), here.klaviyo.throttled())


def deliver(here: Installation, waiting: Mapping[int, int]) -> dict[int, float]:
    """Release the hold; return the seconds until each audience is delivered. Raises BenchError for a lost change."""
    began = time.monotonic()
    holds.release(here.redis, CONNECTION)
    ends = _ends(here.redis, waiting)
    check(here, waiting)
    return {audience: end - began for audience, end in ends.items()}


def throttled(runs: Sequence[Drained]) -> Row:
    """Return the row that says how often Klaviyo's limits were exceeded."""
    answers, uploads = (sum(run.throttled for run in runs), sum(len(run.uploads) for run in runs))
    return Row(f"Answers 429 during these {uploads} uploads", f"{answers}", "", Verdict("", "0", answers == 0))


def fill(redis: Redis, waiting: Mapping[int, int], again: int = 0) -> None:
    """Hold the connection and queue so many changes for each audience. `again`: see `messages`."""
    accounts.remember(redis, CONNECTION, _ACCOUNT, accounts.Cipher(()))
    holds.place(redis, CONNECTION, holds.Hold("not yet", now_ms()))
    first = 0
    for audience, changes in waiting.items():
        portion = changes // IN_A_MESSAGE
        found = messages(portion, IN_A_MESSAGE, audience=audience, spread=portion, first=first, again=again)
        accept(redis, acceptances(found))
        first += portion


def _connections(folder: Path, identity: Mapping[str, str]) -> dict[str, str]:
    if not identity:
        return {}
    file = folder / "connections.toml"
    file.write_text("\n".join(["[connections.default]", *(f'{name} = "{each}"' for name, each in identity.items())]))
    return {"FERRY_CONNECTIONS": str(file)}


def _ends(redis: Redis, waiting: Mapping[int, int]) -> dict[int, float]:
    """Return when each audience had no change left to deliver (monotonic seconds)."""
    ends: dict[int, float] = {}
    before, until = -1, time.monotonic() + _PATIENCE
    while len(ends) < len(waiting):
        delivered = _delivered(redis, waiting)
        now = time.monotonic()
        for audience, done in delivered.items():
            if done == waiting[audience]:
                ends.setdefault(audience, now)
        if (done := sum(delivered.values())) > before:
            before, until = done, now + _PATIENCE
        elif now > until:
            raise BenchError(f"{done} changes were delivered, then none for {_PATIENCE:g} s; see the logs")
        time.sleep(_LOOK)
    return ends


def _delivered(redis: Redis, waiting: Mapping[int, int]) -> dict[int, int]:
    # Not the census: it reads every open batch and would slow down what is measured.
    with redis.pipeline(transaction=False) as pipe:
        for audience in waiting:
            pipe.hmget(keys.queue(queue_of(audience)), ["delivered", "imported"])
        return {
            audience: sum(map(int, filter(None, found)))
            for audience, found in zip(waiting, pipe.execute(), strict=True)
        }


def check(here: Installation, waiting: Mapping[int, int]) -> None:
    """Raise BenchError unless every change of every audience was delivered and its person is on the list.

    Without the check of the list, imported changes count instead of delivered ones.
    """
    counts = count(here.redis, [queue_of(audience) for audience in waiting])
    for (audience, changes), counted in zip(waiting.items(), counts, strict=True):
        members = here.klaviyo.members(audience_name(audience))
        done = counted.delivered if here.proves else counted.imported
        if not counted.accepted == done == members == changes:
            raise BenchError(
                f"audience {audience}: of {changes} changes {counted.accepted} were accepted, {done} "
                f"delivered, and {members} people are on its list"
            )


def queue_of(audience: int) -> Queue:
    """Return the queue of an audience."""
    return Queue(CONNECTION, "audience", str(audience))
