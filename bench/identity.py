"""Figure: the cost of distinguishing people and of checking that they are on the list."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from bench import identity_memory
from bench.backlog import DEFAULTS, WORKERS, deliver, drain, fill, installed
from bench.emulated import Requests
from bench.report import Figure, Row, Verdict, at_most
from bench.sizes import Sizes
from identity.sending import IDENTIFIERS
from klaviyo.endpoints import PUBLISHED
from klaviyo.imports import MAX_ROWS
from klaviyo.lookups import MAX_VALUES
from queues.rate_limits import SHARE

TARGET: Final = 2.0
#: Settings without requests about people: each is sent with one identifier, and no list is checked.
OFF: Final = {"identifiers": "email_only", "prove": "off"}
_SMALL: Final = 100
#: Added to the numbers of messages that send the same people once more.
_AGAIN: Final = 1_000_000
_UPLOADS, _LOOK_UPS, _PROOFS = (
    PUBLISHED[name].less(SHARE).steady for name in ("bulk_import_profiles", "get_profiles", "get_profiles_for_list")
)
#: Look-ups of profiles for a hundred people who have all identifiers.
_ASKED: Final = len(IDENTIFIERS)
#: People a minute: new ones, and known ones who are only checked on the list.
_NEW: Final = _LOOK_UPS // _ASKED * MAX_VALUES
_PROVED: Final = _PROOFS * MAX_VALUES
_HOW: Final = f"""\
Ferry's defaults, `verified` and `all`, take turns with `email_only` and `off`, in separate installations: a scheduler,
{WORKERS} workers, and an emulator without rate limits whose import jobs complete at once. Ferry applies no limits
either (`bench/unlimited.py`): the figure compares the work of Ferry and of the emulator, which shares the cores.
Every person has an e-mail, a customer id that becomes the external id, a phone, and an mpid, which Klaviyo does not
know. So a hundred new people need {_ASKED} look-ups for identity; people with an e-mail and one of the other two need
two, and people with only an e-mail none. The changes are pending in one audience whose connection is held. The time
runs from its release until the last one counts as delivered, or as imported with `off`; about two seconds of it are the
wait before the first look at an import job. Known people are the same people, who enter a second audience.
Requests are counted in the emulator's journal: `GET /api/profiles` for identity, `GET /api/lists/{{{{id}}}}/profiles`
for proof. The memory is the increase of `used_memory` of an empty server (`python -m bench.identity_memory`). When few
people are remembered, few share a bucket, and each needs more memory.

What Klaviyo's limits allow can be calculated. Of {PUBLISHED["get_profiles"].steady} look-ups of profiles a minute Ferry
uses {_LOOK_UPS}; with {_ASKED} for a hundred new people that is {_NEW:,} new people a minute for any upload size:
{{backlog:,}} take {{minutes:.1f}} minutes, and the {{uploads}} uploads of {MAX_ROWS:,} only seconds. **With large
uploads of new people the target of {TARGET:g}x can therefore not be met under Klaviyo's limits.** With uploads of
{_SMALL} it can: the limit of imports allows {_UPLOADS} of them a minute, and these {_UPLOADS * _SMALL:,} people need
{_UPLOADS * _ASKED} of {_LOOK_UPS} look-ups for identity and {_UPLOADS} of {_PROOFS} for proof.
Known people need only the proof, which allows {_PROVED:,} people a minute: {{backlog:,}} take {{proof:.1f}} minutes.
"Large uploads" and "Small uploads" measure this under the limits."""
_HOW_BACKLOG: Final = """\
As for identity, with all people pending in one audience. The memory is that of very many people, of whom more share a
bucket."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """The requests to Klaviyo and the seconds, for the same people first as new and then as known people."""

    new: Requests
    new_s: float
    known: Requests
    known_s: float


def measure(sizes: Sizes, folder: Path) -> Figure:
    """Measure requests, seconds and memory. Raises BenchError when a change was lost."""
    ours, off = [], []
    for i in range(sizes.backlogs):
        ours.append(_twice(folder / f"ours-{i}", sizes.newcomers, DEFAULTS))
        off.append(_twice(folder / f"off-{i}", sizes.newcomers, OFF))
    rows = [*_rows(sizes.newcomers, ours, off), _memory(sizes.members, folder)]
    return Figure("Identity", _how(sizes.backlog), rows)


def measure_backlog(sizes: Sizes, folder: Path) -> Figure:
    """Measure a large backlog, and the memory of very many people. Raises BenchError when a change was lost."""
    return Figure("Identity of a backlog", _HOW_BACKLOG, [_backlog(sizes, folder), _memory(sizes.members, folder)])


def _twice(folder: Path, people: int, identity: Mapping[str, str]) -> Delivered:
    """Deliver new people to one audience and then to another one, in the largest possible uploads."""
    with installed(folder, MAX_ROWS, identity, limits=False) as here:
        found: list[tuple[Requests, float]] = []
        for audience in (1, 2):
            fill(here.redis, {audience: people}, again=_AGAIN * (audience - 1))
            since = here.klaviyo.last()
            seconds = deliver(here, {audience: people})[audience]
            found.append((here.klaviyo.requests(since), seconds))
    return Delivered(*found[0], *found[1])


def _rows(people: int, ours: Sequence[Delivered], off: Sequence[Delivered]) -> list[Row]:
    new_s, known_s = (median(each) for each in zip(*((run.new_s, run.known_s) for run in ours), strict=True))
    new_off_s, known_off_s = (median(each) for each in zip(*((run.new_s, run.known_s) for run in off), strict=True))
    asked = max(run.known.profiles for run in ours)
    return [
        _row(f"{people:,} new people delivered", (ours[0].new, new_s), (off[0].new, new_off_s)),
        _row(f"{people:,} known people delivered", (ours[0].known, known_s), (off[0].known, known_off_s)),
        Row("Look-ups for the identity of known people", f"{asked}", "", Verdict("", "0", asked == 0)),
    ]


def _row(what: str, ours: tuple[Requests, float], off: tuple[Requests, float]) -> Row:
    (requests, seconds), (fewer, less) = ours, off
    return Row(
        what,
        f"{seconds:.1f} s, {requests.all} requests: {requests.profiles} for identity, {requests.members} for proof",
        f"{less:.1f} s, {fewer.all} requests with both off",
        Verdict(f"{seconds / less:.2f}x"),
    )


def _memory(people: int, folder: Path) -> Row:
    weight = identity_memory.measure(people, folder)
    return Row(f"Redis memory of a remembered person, of {people:,}", f"{weight:.0f} bytes", "", Verdict())


def _backlog(sizes: Sizes, folder: Path) -> Row:
    waiting, ours, off = {1: sizes.backlog}, [], []
    for i in range(sizes.backlogs):
        ours.append(drain(folder / f"backlog-{i}", waiting, MAX_ROWS, DEFAULTS, limits=False))
        off.append(drain(folder / f"backlog-off-{i}", waiting, MAX_ROWS, OFF, limits=False))
    seconds, less = (median(run.seconds[1] for run in runs) for runs in (ours, off))
    return Row(
        f"Backlog of {sizes.backlog:,} new people delivered in {len(ours[0].uploads)} uploads, no limits",
        f"{seconds:.1f} s",
        f"{less:.1f} s with both off",
        at_most(seconds / less, TARGET),
    )


def _how(backlog: int) -> str:
    uploads = math.ceil(backlog / MAX_ROWS)
    return _HOW.format(backlog=backlog, minutes=backlog / _NEW, uploads=uploads, proof=backlog / _PROVED)
