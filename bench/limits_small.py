"""Figure: how much of Klaviyo's published limit a backlog uses in small uploads."""

from __future__ import annotations

from pathlib import Path

from bench.backlog import DEFAULTS, WORKERS, Drained, drain, throttled
from bench.report import Figure, Row, Verdict
from bench.sizes import Sizes
from identity.sending import IDENTIFIERS
from klaviyo.endpoints import BULK_IMPORT, PUBLISHED
from queues.klaviyo_limits import SHARE

TARGET = 0.85
_PEOPLE = 100
_AUDIENCE = 1
_ASKED = len(IDENTIFIERS)
_HOW = f"""\
As above, with `upload_max` {_PEOPLE} and Ferry's defaults: {_ASKED} look-ups for identity come before each upload of
new people, and one after it that finds everybody on the list; every change must count as delivered at the end. What
counts is the limit of imports in a minute, for those of look-ups allow more. Ferry takes no more of it than the
{SHARE:.0%} that it leaves to other tools allow, so that {1 - SHARE:g}x is the most it could reach. The uploads are five
minutes' worth and one more, and the rate is that of all but the first over the time between the first and the last:
whole minutes of a limit, however Ferry spreads its uploads over them. {WORKERS} worker processes, one run."""


def measure(sizes: Sizes, folder: Path) -> Figure:
    """One backlog. Raises BenchError when a change was lost."""
    run = drain(folder / "ferry", {_AUDIENCE: sizes.uploads * _PEOPLE}, _PEOPLE, DEFAULTS)
    return Figure("Small uploads", _HOW, [_row(run), throttled([run])])


def _row(run: Drained) -> Row:
    minutes = (run.uploads[-1] - run.uploads[0]) / 60
    rate = (len(run.uploads) - 1) / minutes
    published = PUBLISHED[BULK_IMPORT.name]
    used = rate / published.steady
    return Row(
        f"Uploads of {_PEOPLE} people a minute, over {minutes:.1f} minutes",
        f"{rate:.1f}",
        f"{published.steady} published, {published.less(SHARE).steady} without the {SHARE:.0%} left to other tools",
        Verdict(f"{used:.2f}x", f">= {TARGET:g}x", used >= TARGET),
    )
